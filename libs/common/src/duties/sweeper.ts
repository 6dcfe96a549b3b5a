import type { Database, Tx } from '../db/database.js';
import type { QueueProducer } from '../queues/queue-producer.js';
import type { Wakeup } from '../queues/queues.js';
import { Duty, type Counts } from './duty.js';

export interface DuePage {
  wakeups: Wakeup[];
  /** Where the next page begins; null when this was the last. */
  next: string | null;
}

/**
 * Adds a wake-up for every due row again and again. One that is still queued is left alone by its id, so what it costs
 * is small, and whatever was lost with the queue, or between a commit and the queue, is back after one interval.
 */
export abstract class Sweeper extends Duty {
  readonly interval = { busyMs: 15_000, idleMs: 15_000 };
  override readonly isFrequent = true;

  constructor(
    private readonly database: Database,
    private readonly producer: QueueProducer,
  ) {
    super();
  }

  /** One page of the organization's due rows, in the order of a key. @param after null for the first page */
  protected abstract due(tx: Tx, after: string | null): Promise<DuePage>;

  async runOnce(): Promise<Counts> {
    let swept = 0;
    for (const organizationId of await this.database.organizationIds()) {
      let after: string | null = null;
      do {
        const page: DuePage = await this.database.inOrganization(organizationId, (tx) => this.due(tx, after));
        await this.producer.add(page.wakeups);
        swept += page.wakeups.length;
        after = page.next;
      } while (after !== null);
    }
    return { swept };
  }
}
