import { Logger } from '@nestjs/common';
import type { Database, Tx } from '../db/database.js';
import { Duty, type Counts } from '../duties/duty.js';
import type { QueueProducer } from '../queues/queue-producer.js';
import type { Wakeup } from '../queues/queues.js';
import { readEvents, STAY_ON_KEY, type EventCursor } from './event-reader.js';
import type { EventRoute } from './event-route.js';

const READER = 'relay';
const BATCH = 500;

interface Relayed {
  events: number;
  wakeups: Wakeup[];
}

/**
 * Takes committed events to what follows from them.
 *
 * For each organization, in one transaction: lock the relay's cursor, read the next events, let the routes write their
 * rows, move the cursor. Both or neither: a crash in between repeats the batch and leaves no trace of the first time.
 * After the commit the wake-ups go to the queues. When that fails nothing is lost: the rows are due, and the sweeper of
 * whoever owns them adds the wake-ups. Relays of several processes skip an organization that another holds.
 *
 * An event that a route cannot digest stops its organization, loudly, and no other: skipping it would lose it.
 */
export class Relay extends Duty {
  readonly name = 'relay';
  readonly interval = { busyMs: 50, idleMs: 200 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;
  private readonly log = new Logger('relay');

  constructor(
    private readonly database: Database,
    private readonly producer: Pick<QueueProducer, 'add'>,
    private readonly routes: readonly EventRoute[],
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const waiting = await this.database.statement<{ id: string }>('select organizations_with_news($1) as id', [READER]);
    const faults: unknown[] = [];
    let events = 0;
    for (const { id } of waiting) {
      try {
        const relayed = await this.database.inOrganization(id, (tx) => this.relay(tx));
        events += relayed.events;
        await this.wake(relayed.wakeups);
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, `${faults.length} organizations could not be relayed`);
    return { events };
  }

  private async relay(tx: Tx): Promise<Relayed> {
    const cursor = await lockCursor(tx);
    if (cursor === null) return { events: 0, wakeups: [] };
    const events = await readEvents(tx, cursor, BATCH);
    const last = events.at(-1);
    if (last === undefined) return { events: 0, wakeups: [] };
    const wakeups: Wakeup[] = [];
    for (const route of this.routes) wakeups.push(...(await route.follow(tx, events)));
    await tx.query('update event_cursors set position = $3, seq = $4 where organization_id = $1 and reader = $2', [
      tx.organizationId,
      READER,
      last.position,
      last.seq,
    ]);
    return { events: events.length, wakeups };
  }

  private async wake(wakeups: readonly Wakeup[]): Promise<void> {
    if (wakeups.length === 0) return;
    try {
      await this.producer.add(wakeups);
    } catch (error) {
      this.log.warn({ msg: 'wake-ups were not queued; a sweeper will add them', count: wakeups.length, err: error });
    }
  }
}

/** Null: another relay works on this organization. A new cursor stands before the first event. */
async function lockCursor(tx: Tx): Promise<EventCursor | null> {
  const take = () =>
    tx.query<EventCursor>(
      `select position, seq, ${STAY_ON_KEY} from event_cursors
        where organization_id = $1 and reader = $2 for update skip locked`,
      [tx.organizationId, READER],
    );
  const [cursor] = await take();
  if (cursor) return cursor;
  await tx.query(
    `insert into event_cursors (organization_id, reader, position, seq) values ($1, $2, 0, 0) on conflict do nothing`,
    [tx.organizationId, READER],
  );
  const [fresh] = await take();
  return fresh ?? null;
}
