import { setTimeout as sleep } from 'node:timers/promises';
import { HubUnreachable } from '../../cli/hub-request.js';
import type { Claim, Hub, Report } from '../../cli/sidecar/hub.js';
import type { Diary, DiaryLine } from './diary.js';
import { chance, type Fate, type Mischief, mischiefOf } from './mischief.js';

const WAIT_SECONDS = 5;
const PAUSE_MS = 50;
/** Whoever has not got a report through by then has lost the lease long ago. */
const REPORT_WITHIN_MS = 30_000;

/** What the payload of a task of the simulation says. */
export interface Assignment {
  n: number;
  fate: Fate;
  workMs: number;
  /** What becomes of the first attempt; otherwise the seed decides. */
  first?: Mischief;
}

/** The bad ends of a process, done to it from inside. */
export interface Body {
  die(): void;
  /** Resolves when somebody has woken it. */
  standStill(): Promise<void>;
  /** Breaks every connection. */
  disconnect(): void;
}

export interface WorkerSetting {
  name: string;
  seed: string;
  /** Share of attempts that go wrong, 0 to 1. */
  share: number;
  hub: Hub;
  body: Body;
  diary: Diary;
}

type Given = Claim & { kind: 'task' };

/** One slot of an agent: takes one task after the other, and does to each what its seed says. */
export class Worker {
  constructor(private readonly setting: WorkerSetting) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const claim = await this.claim(signal);
      if (claim.kind === 'task') await this.attempt(claim);
      else if (claim.reason !== 'none') await sleep(PAUSE_MS);
    }
  }

  private async claim(signal: AbortSignal): Promise<Claim> {
    try {
      return await this.setting.hub.claim(WAIT_SECONDS, signal);
    } catch (error) {
      if (signal.aborted) return { kind: 'nothing', reason: 'none' };
      if (!isBrokenConnection(error)) throw error;
      return { kind: 'nothing', reason: 'unreachable' };
    }
  }

  private async attempt(given: Given): Promise<void> {
    const { seed, share, body } = this.setting;
    const { n, fate, workMs, first } = given.task['payload'] as Assignment;
    const { fence } = given.lease;
    const mischief = fence === 1 && first !== undefined ? first : mischiefOf(seed, n, fence, share);
    const note = (what: DiaryLine['what']) => this.note(given, mischief, what);
    note('taken');
    if (mischief === 'deaf') return;
    await sleep(workMs / 2);
    if (mischief === 'dies') body.die();
    if (mischief === 'hangs') await body.standStill();
    else if (!(await this.beatOn(given, mischief === 'stalls'))) return note('lost');
    if (mischief === 'disconnects') body.disconnect();
    await sleep(workMs / 2);
    if (fate === 'done') note('effect');
    if (mischief === 'dies-late') body.die();
    const accepted = await this.report(given, reportOf(fate, given, this.setting.name));
    note(accepted ? 'accepted' : 'refused');
  }

  /** Says that it is alive, with news once. @param forEver until the lease is taken away. @returns whether it is held */
  private async beatOn({ task, lease }: Given, forEver: boolean): Promise<boolean> {
    do {
      try {
        const pulse = await this.setting.hub.beat(task.id, lease, forEver ? {} : { progress: { half: lease.fence } });
        if (pulse.kind === 'lost') return false;
      } catch (error) {
        if (!isBrokenConnection(error)) throw error;
      }
      if (forEver) await sleep(300 + 100 * chance(task.id));
    } while (forEver);
    return true;
  }

  /** Until there is an answer. @returns whether it counted */
  private async report({ task, lease }: Given, report: Report): Promise<boolean> {
    for (const end = performance.now() + REPORT_WITHIN_MS; performance.now() < end; await sleep(PAUSE_MS)) {
      try {
        const receipt = await this.setting.hub.report(task.id, lease, report);
        if (receipt.kind === 'refused') throw new Error(`A report was refused: ${receipt.detail}`);
        return receipt.kind === 'accepted';
      } catch (error) {
        if (!isBrokenConnection(error)) throw error;
      }
    }
    return false;
  }

  private note({ task, lease }: Given, mischief: string, what: DiaryLine['what']): void {
    const { diary, name } = this.setting;
    diary.write({ what, taskId: task.id, fence: lease.fence, agent: name, pid: process.pid, mischief });
  }
}

function reportOf(fate: Fate, { lease }: Given, agent: string): Report {
  switch (fate) {
    case 'done':
      return { kind: 'complete', result: { agent, fence: lease.fence } };
    case 'flaky':
      return { kind: 'fail', failure: 'transient', error: 'It never works.' };
    case 'hopeless':
      return { kind: 'fail', failure: 'permanent', error: 'It cannot work.' };
  }
}

/** Nobody answered, or the connection broke under the question. */
export function isBrokenConnection(error: unknown): boolean {
  return error instanceof HubUnreachable || (error as Error).name === 'AbortError';
}
