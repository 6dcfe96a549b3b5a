import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Database, type Tx } from '../db/database.js';
import {
  compareCursors,
  LEDGER_START,
  ledgerEnd,
  placeOf,
  readEvents,
  STAY_ON_KEY,
  type EventCursor,
  type LedgerEvent,
} from './event-reader.js';
import { EventSubscription, type SubscriptionOptions } from './event-subscription.js';

const FASTEST_MS = 25;
const SLOWEST_MS = 250;
const AFTER_ERROR_MS = 1_000;
const BATCH = 500;
/** Never more than a subscription holds, so that history alone never makes it slow. */
const CATCH_UP_BATCH = 200;

/**
 * The live feed of the ledger: one poller per organization for as long as somebody follows it, whatever the number of
 * followers.
 *
 * A follower that continues from an earlier event reads history by itself, at its own pace, until it stands where the
 * poller stands or beyond; only then does it join, in the same turn of the event loop, and passes over what it has seen.
 * So it gets every event once, in order, with no gap between history and present.
 */
@Injectable()
export class EventTail implements OnModuleDestroy {
  private readonly log = new Logger('live');
  private readonly feeds = new Map<string, Feed>();
  private readonly subscriptions = new Set<EventSubscription>();

  constructor(@Inject(Database) private readonly database: Database) {}

  /** Resolves when the place to begin at is known: what commits from then on is handed on, and so is all after `afterSeq`. */
  async subscribe(options: SubscriptionOptions): Promise<EventSubscription> {
    const { organizationId, afterSeq } = options;
    const start = await this.database.inOrganization(organizationId, (tx) => startOf(tx, afterSeq));
    const subscription = new EventSubscription(options, (ended) => this.forget(ended));
    this.subscriptions.add(subscription);
    this.catchUp(subscription, start).catch((error: unknown) => {
      this.log.error({ msg: 'a follower of the live feed could not catch up', err: error });
      subscription.close('stopped');
    });
    return subscription;
  }

  /** Followers at present, also those that are still catching up. */
  get size(): number {
    return this.subscriptions.size;
  }

  onModuleDestroy(): void {
    for (const subscription of [...this.subscriptions]) subscription.close('stopped');
  }

  private async catchUp(subscription: EventSubscription, start: EventCursor): Promise<void> {
    const { organizationId } = subscription.options;
    const limit = Math.min(CATCH_UP_BATCH, subscription.maxWaiting);
    for (let place = start; ;) {
      await subscription.whenDrained();
      const events = await this.read(organizationId, place, limit);
      if (subscription.ended) return;
      subscription.offer(events);
      place = events.at(-1) ?? place;
      if (events.length < limit && this.feed(organizationId, place).join(subscription, place)) return;
    }
  }

  private read(organizationId: string, place: EventCursor, limit: number): Promise<LedgerEvent[]> {
    return this.database.inOrganization(organizationId, async (tx) => {
      await tx.query(`select ${STAY_ON_KEY}`);
      return readEvents(tx, place, limit);
    });
  }

  private feed(organizationId: string, place: EventCursor): Feed {
    const known = this.feeds.get(organizationId);
    if (known) return known;
    const feed = new Feed(place, (from) => this.read(organizationId, from, BATCH), this.log);
    this.feeds.set(organizationId, feed);
    return feed;
  }

  private forget(subscription: EventSubscription): void {
    this.subscriptions.delete(subscription);
    const { organizationId } = subscription.options;
    const feed = this.feeds.get(organizationId);
    if (feed?.leave(subscription) === 'empty') this.feeds.delete(organizationId);
  }
}

async function startOf(tx: Tx, afterSeq: string | undefined): Promise<EventCursor> {
  if (afterSeq === '0') return LEDGER_START;
  const isSeq = afterSeq !== undefined && /^\d{1,18}$/.test(afterSeq);
  return (isSeq ? await placeOf(tx, afterSeq) : null) ?? ledgerEnd(tx);
}

/** The one poller of an organization. */
class Feed {
  private readonly followers = new Set<EventSubscription>();
  private timer: NodeJS.Timeout | undefined;
  private waitMs = FASTEST_MS;

  constructor(
    private place: EventCursor,
    private readonly read: (from: EventCursor) => Promise<LedgerEvent[]>,
    private readonly log: Logger,
  ) {}

  /** False when the poller is ahead of `place`: then there is more history to read first. */
  join(subscription: EventSubscription, place: EventCursor): boolean {
    if (compareCursors(place, this.place) < 0) return false;
    this.followers.add(subscription);
    if (this.followers.size === 1) this.schedule(FASTEST_MS);
    return true;
  }

  leave(subscription: EventSubscription): 'empty' | 'followed' {
    this.followers.delete(subscription);
    if (this.followers.size > 0) return 'followed';
    clearTimeout(this.timer);
    return 'empty';
  }

  private schedule(inMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void this.poll().then((waitMs) => {
        if (this.followers.size > 0) this.schedule(waitMs);
      });
    }, inMs);
  }

  /** @returns the wait before the next */
  private async poll(): Promise<number> {
    try {
      const events = await this.read(this.place);
      this.place = events.at(-1) ?? this.place;
      for (const follower of [...this.followers]) follower.offer(events);
      this.waitMs = events.length > 0 ? FASTEST_MS : Math.min(this.waitMs * 2, SLOWEST_MS);
      return events.length === BATCH ? 0 : this.waitMs;
    } catch (error) {
      this.log.error({ msg: 'the live feed could not be read', err: error });
      return AFTER_ERROR_MS;
    }
  }
}
