import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Signals } from '../signals/signals.js';

/** Attempts that one workspace's waiting claims make at the same time, at the most. */
const MAX_ROUNDS = 4;
/** For whatever becomes possible without a task becoming free, and for a signal that was lost. */
const RECHECK_MS = 1_000;

/** What one look for work found. `idle`: there is nothing at all to take, for nobody. */
export type Look<T> = { kind: 'answer'; answer: T } | { kind: 'nothing' } | { kind: 'idle' };

interface Waiting {
  look: () => Promise<boolean>;
  isLooking: boolean;
  /** A signal came while it was looking. */
  again: boolean;
}

/**
 * Claims that wait for work. When a task becomes free the waiting ones of its workspace look for it, one after the other in
 * order of arrival and a few at a time, until there is nothing left to take: a hundred waiting agents do not run into the
 * database together because of one task.
 */
@Injectable()
export class WaitingClaims implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(WaitingClaims.name);
  private readonly byWorkspace = new Map<string, Set<Waiting>>();
  private readonly rounds = new Map<string, number>();
  private readonly isDirty = new Set<string>();
  private readonly stopping = new AbortController();
  private recheck: NodeJS.Timeout | undefined;

  constructor(@Inject(Signals) private readonly signals: Signals) {}

  onApplicationBootstrap(): void {
    this.signals.on('taskReady', (workspaceId) => this.wake(workspaceId));
    this.recheck = setInterval(() => this.wakeAll(), RECHECK_MS);
  }

  /** Before the server waits for its requests to end. */
  onModuleDestroy(): void {
    clearInterval(this.recheck);
    this.stopping.abort();
  }

  /**
   * Looks for work until there is some.
   *
   * @param waitMs give up after this
   * @param hungUp aborted when nobody waits for the answer any more
   * @returns null when there was none in time
   */
  async wait<T>(
    workspaceId: string,
    waitMs: number,
    hungUp: AbortSignal,
    look: () => Promise<Look<T>>,
  ): Promise<T | null> {
    const ended = AbortSignal.any([hungUp, this.stopping.signal]);
    if (ended.aborted) return null;
    return new Promise<T | null>((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        ended.removeEventListener('abort', giveUp);
        this.remove(workspaceId, waiting);
        act();
      };
      const giveUp = (): void => {
        // A look under way may still bring a task; then that is the answer.
        if (!waiting.isLooking) finish(() => resolve(null));
        else hasGivenUp = true;
      };
      let hasGivenUp = false;
      const waiting: Waiting = {
        isLooking: false,
        again: false,
        look: async () => {
          try {
            const found = await look();
            if (found.kind === 'answer') finish(() => resolve(found.answer));
            else if (hasGivenUp) finish(() => resolve(null));
            return found.kind !== 'idle';
          } catch (error) {
            finish(() => reject(error as Error));
            return true;
          }
        },
      };
      const timer = setTimeout(giveUp, waitMs);
      ended.addEventListener('abort', giveUp, { once: true });
      this.add(workspaceId, waiting);
      void this.visit(workspaceId, waiting);
    });
  }

  private wakeAll(): void {
    for (const workspaceId of this.byWorkspace.keys()) this.wake(workspaceId);
  }

  private wake(workspaceId: string | null): void {
    if (workspaceId === null) return this.wakeAll();
    if (!this.byWorkspace.has(workspaceId)) return;
    const running = this.rounds.get(workspaceId) ?? 0;
    if (running >= MAX_ROUNDS) {
      this.isDirty.add(workspaceId);
      return;
    }
    this.rounds.set(workspaceId, running + 1);
    void this.round(workspaceId).catch((error: unknown) => this.logger.error(error));
  }

  private async round(workspaceId: string): Promise<void> {
    try {
      for (const waiting of [...(this.byWorkspace.get(workspaceId) ?? [])]) {
        if (!this.byWorkspace.get(workspaceId)?.has(waiting)) continue;
        if (!(await this.visit(workspaceId, waiting))) break;
      }
    } finally {
      const running = (this.rounds.get(workspaceId) ?? 1) - 1;
      if (running > 0) this.rounds.set(workspaceId, running);
      else this.rounds.delete(workspaceId);
    }
    if (this.isDirty.delete(workspaceId)) this.wake(workspaceId);
  }

  /** @returns false when there is nothing to take for anybody */
  private async visit(workspaceId: string, waiting: Waiting): Promise<boolean> {
    if (waiting.isLooking) {
      waiting.again = true;
      return true;
    }
    waiting.isLooking = true;
    try {
      for (;;) {
        waiting.again = false;
        const isWorthwhile = await waiting.look();
        if (!waiting.again || !this.byWorkspace.get(workspaceId)?.has(waiting)) return isWorthwhile;
      }
    } finally {
      waiting.isLooking = false;
    }
  }

  private add(workspaceId: string, waiting: Waiting): void {
    const set = this.byWorkspace.get(workspaceId) ?? new Set();
    this.byWorkspace.set(workspaceId, set.add(waiting));
  }

  private remove(workspaceId: string, waiting: Waiting): void {
    const set = this.byWorkspace.get(workspaceId);
    set?.delete(waiting);
    if (set?.size === 0) this.byWorkspace.delete(workspaceId);
  }
}
