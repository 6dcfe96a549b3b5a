import { Logger } from '@nestjs/common';
import { Duty, type Counts } from './duty.js';
import { DutyRunner } from './duty-runner.js';

const BUSY_MS = 100;
const IDLE_MS = 1_000;

class Scripted extends Duty {
  readonly name = 'scripted';
  readonly interval = { busyMs: BUSY_MS, idleMs: IDLE_MS };
  override readonly batchSize = 10;
  readonly startedAtMs: number[] = [];
  atOnce = 0;
  mostAtOnce = 0;

  constructor(private readonly answer: (run: number) => Promise<Counts> | Counts) {
    super();
  }

  async runOnce(): Promise<Counts> {
    this.startedAtMs.push(Date.now());
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      return await this.answer(this.startedAtMs.length);
    } finally {
      this.atOnce -= 1;
    }
  }
}

describe('the runner of a duty', () => {
  let logged: jest.SpyInstance;
  let errors: jest.SpyInstance;

  beforeEach(() => {
    jest.useFakeTimers();
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    logged = jest.spyOn(Logger.prototype, 'log').mockImplementation();
    errors = jest.spyOn(Logger.prototype, 'error').mockImplementation();
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('runs again at once while full batches come back, then after the busy wait', async () => {
    const duty = new Scripted((run) => ({ done: run <= 3 ? 10 : run === 4 ? 3 : 0 }));
    const runner = new DutyRunner(duty);
    runner.start();
    await jest.advanceTimersByTimeAsync(BUSY_MS - 1);
    expect(duty.startedAtMs).toHaveLength(4);
    await jest.advanceTimersByTimeAsync(10);
    expect(duty.startedAtMs).toHaveLength(5);
    await runner.stop();
  });

  it('waits longer and longer while idle, up to its limit, and says nothing', async () => {
    const duty = new Scripted(() => ({ done: 0 }));
    const runner = new DutyRunner(duty);
    runner.start();
    await jest.advanceTimersByTimeAsync(6_000);
    const waits = duty.startedAtMs.slice(1).map((at, index) => at - (duty.startedAtMs[index] ?? 0));
    expect(waits.slice(0, 5)).toEqual([200, 400, 800, 1_000, 1_000]);
    expect(logged).not.toHaveBeenCalled();
    await runner.stop();
  });

  it('writes one line with the counts when something was done', async () => {
    const runner = new DutyRunner(new Scripted((run) => ({ expired: run === 1 ? 2 : 0 })));
    runner.start();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(logged).toHaveBeenCalledTimes(1);
    expect(logged.mock.calls[0][0]).toMatchObject({ msg: 'scripted', expired: 2 });
    await runner.stop();
  });

  it('never runs twice at the same time, however long a run takes', async () => {
    const duty = new Scripted(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10 * IDLE_MS));
      return { done: 10 };
    });
    const runner = new DutyRunner(duty);
    runner.start();
    runner.start();
    await jest.advanceTimersByTimeAsync(35 * IDLE_MS);
    expect(duty.mostAtOnce).toBe(1);
    expect(duty.startedAtMs).toHaveLength(4);
    void runner.stop();
    await jest.advanceTimersByTimeAsync(10 * IDLE_MS);
  });

  it('logs and counts an error, tries again later and is well again after a success', async () => {
    const duty = new Scripted((run) => {
      if (run <= 2) throw new Error('database gone');
      return { done: 0 };
    });
    const runner = new DutyRunner(duty);
    runner.start();
    await jest.advanceTimersByTimeAsync(500);
    expect(runner.state).toEqual({ lastSuccessAt: null, failures: 2 });
    expect(errors).toHaveBeenCalledTimes(2);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(runner.state).toEqual({ lastSuccessAt: new Date(), failures: 0 });
    await runner.stop();
  });

  it('stops only when the running one has ended, and starts none after it', async () => {
    let finish = (): void => undefined;
    const duty = new Scripted(async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return { done: 10 };
    });
    const runner = new DutyRunner(duty);
    runner.start();
    await jest.advanceTimersByTimeAsync(1);
    let stopped = false;
    const stopping = runner.stop().then(() => (stopped = true));
    await jest.advanceTimersByTimeAsync(IDLE_MS);
    expect(stopped).toBe(false);
    finish();
    await stopping;
    await jest.advanceTimersByTimeAsync(10 * IDLE_MS);
    expect(duty.startedAtMs).toHaveLength(1);
  });
});
