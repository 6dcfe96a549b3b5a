import { Logger } from '@nestjs/common';
import type { Counts, Duty } from './duty.js';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const JITTER = 0.1;

/** How a duty fares. */
export interface DutyState {
  /** End of its last run without an error; null before the first. */
  lastSuccessAt: Date | null;
  /** Runs that threw since then. */
  failures: number;
}

/** Runs one duty again and again until it is stopped, never twice at the same time. */
export class DutyRunner {
  private readonly log = new Logger('duties');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private stopped = true;
  private waitMs: number;
  private readonly fares: DutyState = { lastSuccessAt: null, failures: 0 };

  constructor(readonly duty: Duty) {
    this.waitMs = duty.interval.busyMs;
  }

  get state(): Readonly<DutyState> {
    return this.fares;
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.schedule(0);
  }

  /** Starts no further run and resolves when the current one has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(inMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.run().then((waitMs) => this.schedule(waitMs));
    }, jittered(inMs));
  }

  /** @returns the wait before the next run */
  private async run(): Promise<number> {
    const startedAt = performance.now();
    try {
      const counts = await this.duty.runOnce();
      this.fares.lastSuccessAt = new Date();
      this.fares.failures = 0;
      return this.waitAfter(counts, startedAt);
    } catch (error) {
      this.fares.failures += 1;
      this.log.error({ msg: `duty ${this.duty.name} failed`, failures: this.fares.failures, err: error });
      return Math.min(FIRST_RETRY_MS * 2 ** (this.fares.failures - 1), LONGEST_RETRY_MS);
    }
  }

  private waitAfter(counts: Counts, startedAt: number): number {
    const { busyMs, idleMs } = this.duty.interval;
    const most = Math.max(0, ...Object.values(counts));
    if (most === 0) return (this.waitMs = Math.min(this.waitMs * 2, idleMs));
    const line = { msg: this.duty.name, ...counts, tookMs: Math.round(performance.now() - startedAt) };
    if (this.duty.isFrequent) this.log.debug(line);
    else this.log.log(line);
    this.waitMs = busyMs;
    return most >= this.duty.batchSize ? 0 : busyMs;
  }
}

/** Duties of several processes that started together do not stay in step. */
function jittered(ms: number): number {
  return ms * (1 + JITTER * (2 * Math.random() - 1));
}
