import { setTimeout as sleep } from 'node:timers/promises';
import { HubUnreachable } from '../hub-request.js';
import { Backoff } from './backoff.js';
import type { Hub, Lease, News } from './hub.js';

const NEWS_EVERY_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

export interface PulseListener {
  /** Somebody else may have the task by now. */
  onLost(detail: string): void;
  /** The hub wants the attempt to end. */
  onStop(): void;
  log(line: string): void;
}

/**
 * Keeps a lease alive and passes news on: every third of its time, and sooner when there is something new. While the hub
 * is away it goes on trying; only the hub says that a lease is lost.
 */
export class LeasePulse {
  private readonly ending = new AbortController();
  private news: News = {};
  private wake = (): void => undefined;

  constructor(
    private readonly hub: Hub,
    private readonly taskId: string,
    private readonly lease: Lease,
    private ttlMs: number,
    private readonly listener: PulseListener,
  ) {}

  /** The latest word counts. */
  tell({ progress, usage }: News): void {
    this.news = { progress: progress ?? this.news.progress, usage: usage ?? this.news.usage };
    this.wake();
  }

  end(): void {
    this.ending.abort();
    this.wake();
  }

  /** Until `end`, or until the lease is lost. */
  async run(): Promise<void> {
    const backoff = new Backoff();
    let pauseMs = this.pauseMs();
    let failures = 0;
    while (await this.pause(pauseMs)) {
      const news = this.news;
      this.news = {};
      try {
        if (!(await this.beat(news))) return;
        backoff.reset();
        failures = 0;
        pauseMs = this.pauseMs();
      } catch (error) {
        if (!(error instanceof HubUnreachable)) throw error;
        this.news = { ...news, ...this.news };
        if (failures++ === 0) this.listener.log(`task ${this.taskId}: no heartbeat: ${error.message}`);
        pauseMs = Math.min(backoff.nextMs(error.retryAfterMs), this.pauseMs());
      }
    }
  }

  /** @returns whether the lease is still ours */
  private async beat(news: News): Promise<boolean> {
    const pulse = await this.hub.beat(this.taskId, this.lease, news);
    if (this.ending.signal.aborted) return false;
    if (pulse.kind === 'lost') {
      this.listener.onLost(pulse.detail);
      return false;
    }
    if (pulse.kind === 'refused') {
      this.listener.log(`task ${this.taskId}: its progress was refused: ${pulse.detail}`);
      return true;
    }
    this.ttlMs = pulse.ttlMs;
    if (!pulse.goOn) this.listener.onStop();
    return true;
  }

  private pauseMs(): number {
    return Math.min(this.ttlMs / 3, LONGEST_PAUSE_MS);
  }

  /** Waits, less long when there is news. @returns false when it is over */
  private async pause(ms: number): Promise<boolean> {
    const { signal } = this.ending;
    const woken = new Promise<void>((resolve) => (this.wake = resolve));
    const hasNews = Object.values(this.news).some((value) => value !== undefined);
    const timer = new AbortController();
    if (!hasNews) await Promise.race([sleep(ms, undefined, { signal: timer.signal }).catch(ignoreAbort), woken]);
    if (!signal.aborted && Object.values(this.news).some((value) => value !== undefined)) {
      await sleep(Math.min(NEWS_EVERY_MS, ms), undefined, { signal }).catch(ignoreAbort);
    }
    timer.abort();
    return !signal.aborted;
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
