import { compareCursors, type EventCursor, type LedgerEvent } from './event-reader.js';

/** `closed` by whoever follows, `slow` when it did not keep up, `stopped` when this process ends. */
export type SubscriptionEnd = 'closed' | 'slow' | 'stopped';

export interface SubscriptionOptions {
  organizationId: string;
  /** Null: the events of all its workspaces. */
  workspaceId: string | null;
  /** With a workspace: the acts of the whole organization as well. */
  withOrganization?: boolean;
  /** Which of these to hand on; default all. */
  accepts?: (event: LedgerEvent) => boolean;
  /** Continue after the event with this `seq`, 0 being the beginning; without it, or when it is unknown, from now on. */
  afterSeq?: string;
  /** Events that wait to be taken, at the most; one more ends the subscription as `slow`. Default 1,000. */
  maxWaiting?: number;
}

const DEFAULT_MAX_WAITING = 1_000;

/**
 * One follower of the live feed: `for await (const event of subscription)`. The loop ends when the subscription does;
 * `ended` then says why. Whoever is cut off as slow comes back with the last `seq` it has seen and misses nothing.
 */
export class EventSubscription implements AsyncIterable<LedgerEvent> {
  private waiting: LedgerEvent[] = [];
  private wake: (() => void) | undefined;
  private drained: (() => void) | undefined;
  private seenUpTo: EventCursor | undefined;
  private end: SubscriptionEnd | undefined;

  constructor(
    readonly options: SubscriptionOptions,
    private readonly onEnd: (subscription: EventSubscription) => void,
  ) {}

  get maxWaiting(): number {
    return this.options.maxWaiting ?? DEFAULT_MAX_WAITING;
  }

  get ended(): SubscriptionEnd | undefined {
    return this.end;
  }

  /** Ends it; what still waits is dropped. */
  close(reason: SubscriptionEnd = 'closed'): void {
    if (this.end) return;
    this.end = reason;
    this.waiting = [];
    this.wake?.();
    this.drained?.();
    this.onEnd(this);
  }

  /** Hands on what it has not seen of these events; they come in the ledger's order. */
  offer(events: readonly LedgerEvent[]): void {
    for (const event of events) {
      if (this.end) return;
      if (this.seenUpTo && compareCursors(event, this.seenUpTo) <= 0) continue;
      this.seenUpTo = { position: event.position, seq: event.seq };
      if (!this.wants(event)) continue;
      if (this.waiting.length >= this.maxWaiting) return this.close('slow');
      this.waiting.push(event);
    }
    this.wake?.();
  }

  /** Resolves when nothing waits any more, or at its end: what paces the catching up. */
  async whenDrained(): Promise<void> {
    if (this.end || this.waiting.length === 0) return;
    await new Promise<void>((resolve) => (this.drained = resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LedgerEvent, void, undefined> {
    try {
      while (!this.end) {
        const event = this.waiting.shift();
        if (event) {
          yield event;
          continue;
        }
        this.drained?.();
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      this.close();
    }
  }

  private wants(event: LedgerEvent): boolean {
    const { workspaceId, withOrganization = false, accepts } = this.options;
    const isNear =
      workspaceId === null || event.workspaceId === workspaceId || (withOrganization && event.workspaceId === null);
    return isNear && (accepts?.(event) ?? true);
  }
}
