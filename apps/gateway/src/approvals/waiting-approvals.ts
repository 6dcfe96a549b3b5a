import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { Signals } from '../signals/signals.js';

const MAX_WAITING = 10_000;

/** Somebody who waits: looks, then sleeps until there is something new or it is over. */
class Waiter {
  isOver = false;
  private hear: () => void = () => undefined;

  /** Resolves when something is told after this call, or it is over. */
  next(): Promise<void> {
    return this.isOver ? Promise.resolve() : new Promise((resolve) => (this.hear = resolve));
  }

  tell(): void {
    this.hear();
  }

  end(): void {
    this.isOver = true;
    this.hear();
  }
}

/** Requests that wait for a decision. They hold no connection to the database: one for all tells when to look again. */
@Injectable()
export class WaitingApprovals implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly waiting = new Map<string, Set<Waiter>>();
  private count = 0;
  private isStopping = false;

  constructor(@Inject(Signals) private readonly signals: Signals) {}

  onApplicationBootstrap(): void {
    this.signals.on('approvalResolved', (approvalId) => {
      const told = approvalId === null ? this.all() : [...(this.waiting.get(approvalId) ?? [])];
      for (const waiter of told) waiter.tell();
    });
  }

  /** Before the server waits for its requests to end. */
  onModuleDestroy(): void {
    this.isStopping = true;
    for (const waiter of this.all()) waiter.end();
  }

  /**
   * Looks until it is decided.
   *
   * @param waitMs give up after this
   * @param hungUp aborted when nobody waits for the answer any more
   * @returns what the last look found
   * @throws Problem overloaded
   */
  async wait<T>(
    approvalId: string,
    waitMs: number,
    hungUp: AbortSignal,
    look: () => Promise<{ found: T; isDecided: boolean }>,
  ): Promise<T> {
    if (this.count >= MAX_WAITING) throw new Problem('overloaded', { detail: 'Too many wait.', retryAfterSeconds: 5 });
    const waiter = new Waiter();
    const end = () => waiter.end();
    const timer = setTimeout(end, waitMs);
    hungUp.addEventListener('abort', end, { once: true });
    if (this.isStopping || hungUp.aborted) end();
    this.add(approvalId, waiter);
    try {
      for (;;) {
        // Listening comes before looking: what is decided in between is not missed.
        const told = waiter.next();
        const { found, isDecided } = await look();
        if (isDecided || waiter.isOver) return found;
        await told;
      }
    } finally {
      clearTimeout(timer);
      hungUp.removeEventListener('abort', end);
      this.remove(approvalId, waiter);
    }
  }

  private all(): Waiter[] {
    return [...this.waiting.values()].flatMap((waiters) => [...waiters]);
  }

  private add(approvalId: string, waiter: Waiter): void {
    this.count += 1;
    this.waiting.set(approvalId, (this.waiting.get(approvalId) ?? new Set()).add(waiter));
  }

  private remove(approvalId: string, waiter: Waiter): void {
    this.count -= 1;
    const waiters = this.waiting.get(approvalId);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.waiting.delete(approvalId);
  }
}
