import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type DuePage, Sweeper } from '@houston/common/duties/sweeper.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { deliveryWakeup, withPatience } from '@houston/common/webhooks/webhook-wakeups.js';
import { type DueDelivery, SweepStore } from './sweep.store.js';

const PAGE_SIZE = 500;
/** Of one workspace in one sweep: the others follow with the next. */
const MOST_WAKEUPS = 5_000;

/**
 * Finds deliveries that are due and being sent by nobody: their wake-up was never added, was lost with the queue, or
 * died with its worker.
 */
@Injectable()
export class DeliverySweeper extends Sweeper {
  readonly name = 'delivery-sweeper';
  override readonly interval = { busyMs: 5_000, idleMs: 5_000 };
  /** How many of each workspace this sweep has woken. */
  private readonly woken = new Map<string, number>();

  constructor(
    @Inject(Database) database: Database,
    @Inject(QueueProducer) producer: QueueProducer,
    @Inject(SweepStore) private readonly store: SweepStore,
  ) {
    super(database, producer);
  }

  protected async due(tx: Tx, after: string | null): Promise<DuePage> {
    const rows = await this.store.due(tx, after, PAGE_SIZE);
    const { organizationId } = tx;
    if (after === null) this.woken.clear();
    const due = withPatience(rows.map(dueDelivery), MOST_WAKEUPS, this.woken);
    const wakeups = due.map((one) => deliveryWakeup({ organizationId, ...one }));
    return { wakeups, next: rows.length < PAGE_SIZE ? null : (rows.at(-1)?.key ?? null) };
  }
}

function dueDelivery(row: DueDelivery) {
  const { id: deliveryId, workspace_id: workspaceId, endpoint_id: endpointId, attempt_count: attemptCount } = row;
  return { workspaceId, deliveryId, endpointId, attemptCount, isManual: row.is_manual, isFailing: row.is_failing };
}
