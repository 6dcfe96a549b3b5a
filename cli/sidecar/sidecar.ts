import { setTimeout as sleep } from 'node:timers/promises';
import { HubUnreachable } from '../hub-request.js';
import { Attempt, type AttemptSetting } from './attempt.js';
import { Backoff } from './backoff.js';
import { type Claim, HubDenied } from './hub.js';
import type { Outbox } from './outbox.js';

/** After an answer that did not wait (paused, at capacity): the least time to the next question. */
const LEAST_BETWEEN_CLAIMS_MS = 1_000;

export interface SidecarSetting extends AttemptSetting {
  outbox: Outbox;
  /** Tasks at once. */
  concurrency: number;
  waitSeconds: number;
  /** End after this many tasks; null: never. */
  tasks: number | null;
}

/** Takes tasks for one agent and runs a command for each, until it is stopped. */
export class Sidecar {
  private readonly attempts = new Set<Attempt>();
  private readonly running = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly backoff = new Backoff();
  private taken = 0;
  private fault: unknown;

  constructor(private readonly setting: SidecarSetting) {}

  /** Until stopped, or until it has had its number of tasks. @throws what makes going on useless */
  async run(): Promise<void> {
    const { outbox, concurrency, tasks } = this.setting;
    this.setting.hub.onLost((taskId, detail) => this.lose(taskId, detail));
    const flushed = outbox.flush().catch((error: unknown) => this.giveUp(error));
    while (!this.stopping.signal.aborted && (tasks === null || this.taken < tasks)) {
      if (this.attempts.size >= concurrency) await Promise.race(this.running);
      else await this.takeOne();
    }
    this.setting.hub.close();
    await Promise.all([...this.running, flushed]);
    if (this.fault !== undefined) throw this.fault;
  }

  /** Takes nothing more; what runs gets the signal and may end, otherwise its task goes back. */
  stop(signal: NodeJS.Signals): void {
    this.stopping.abort();
    this.setting.hub.close();
    for (const attempt of this.attempts) attempt.shutdown(signal);
    setTimeout(() => this.setting.outbox.close(), this.setting.graceMs + 5_000).unref();
  }

  forward(signal: NodeJS.Signals): void {
    for (const attempt of this.attempts) attempt.signal(signal);
  }

  private lose(taskId: string, detail: string): void {
    for (const attempt of this.attempts) if (attempt.task.id === taskId) attempt.lose(detail);
  }

  private async takeOne(): Promise<void> {
    const askedAt = performance.now();
    try {
      const claim = await this.setting.hub.claim(this.setting.waitSeconds, this.stopping.signal);
      this.backoff.reset();
      if (claim.kind === 'task') return this.begin(claim);
      await this.rest(LEAST_BETWEEN_CLAIMS_MS - (performance.now() - askedAt));
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      if (!(error instanceof HubUnreachable)) return this.giveUp(error);
      const waitMs = this.backoff.nextMs(error.retryAfterMs);
      this.setting.log(`${error.message}; again in ${(waitMs / 1_000).toFixed(1)} s`);
      await this.rest(waitMs);
    }
  }

  private begin(claim: Claim & { kind: 'task' }): void {
    this.taken += 1;
    this.setting.log(`task ${claim.task.id}: ${claim.task.title}`);
    const attempt = new Attempt(this.setting, claim);
    this.attempts.add(attempt);
    const running: Promise<void> = this.perform(attempt)
      .catch((error: unknown) => this.giveUp(error))
      .finally(() => {
        this.attempts.delete(attempt);
        this.running.delete(running);
      });
    this.running.add(running);
  }

  private async perform(attempt: Attempt): Promise<void> {
    const { task, lease } = attempt;
    const { outbox } = this.setting;
    try {
      const report = await attempt.run();
      if (report) await outbox.send({ taskId: task.id, lease, report });
    } catch (error) {
      // A command that cannot be started is this machine's trouble, not the task's: another agent may have it.
      if (error instanceof HubDenied) throw error;
      await outbox.send({
        taskId: task.id,
        lease,
        report: { kind: 'release', reason: 'The command cannot be started.' },
      });
      throw error;
    }
  }

  private giveUp(error: unknown): void {
    this.fault ??= error;
    this.stop('SIGTERM');
  }

  private async rest(ms: number): Promise<void> {
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }
}
