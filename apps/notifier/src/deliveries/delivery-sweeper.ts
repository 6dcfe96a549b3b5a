import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type DuePage, Sweeper } from '@houston/common/duties/sweeper.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { type DueDelivery, SweepStore } from './sweep.store.js';

const PAGE_SIZE = 500;

/**
 * Finds deliveries that are due and being sent by nobody: their wake-up was never added, was lost with the queue, or
 * died with its worker.
 */
@Injectable()
export class DeliverySweeper extends Sweeper {
  readonly name = 'delivery-sweeper';
  override readonly interval = { busyMs: 5_000, idleMs: 5_000 };

  constructor(
    @Inject(Database) database: Database,
    @Inject(QueueProducer) producer: QueueProducer,
    @Inject(SweepStore) private readonly store: SweepStore,
  ) {
    super(database, producer);
  }

  protected async due(tx: Tx, after: string | null): Promise<DuePage> {
    const rows = await this.store.due(tx, after, PAGE_SIZE);
    const wakeups = rows.map((row) => deliveryWakeup({ organizationId: tx.organizationId, ...dueDelivery(row) }));
    return { wakeups, next: rows.length < PAGE_SIZE ? null : (rows.at(-1)?.key ?? null) };
  }
}

function dueDelivery(row: DueDelivery) {
  const { id: deliveryId, workspace_id: workspaceId, attempt_count: attemptCount, is_manual: isManual } = row;
  return { workspaceId, deliveryId, attemptCount, isManual };
}
