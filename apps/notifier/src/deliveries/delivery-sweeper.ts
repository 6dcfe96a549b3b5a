import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { type DueDelivery, type DuePosition, SweepStore } from './sweep.store.js';

const BATCH_SIZE = 500;
const MAX_BATCHES = 20;

/**
 * Finds deliveries that are due and being sent by nobody, and wakes them again: their wake-up was never added, was lost
 * with the queue, or died with its worker. Where a wake-up is still waiting, adding it again does nothing.
 */
@Injectable()
export class DeliverySweeper {
  readonly name = 'delivery-sweeper';
  /** Where the next run goes on, by organization: a long tail of one dead endpoint must not hide the others. */
  private readonly positions = new Map<string, DuePosition>();

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SweepStore) private readonly store: SweepStore,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
  ) {}

  /** @returns how many due deliveries it found */
  async runOnce(): Promise<{ woken: number }> {
    let woken = 0;
    for (const organizationId of await this.db.organizationIds()) woken += await this.sweep(organizationId);
    return { woken };
  }

  private async sweep(organizationId: string): Promise<number> {
    let woken = 0;
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const after = this.positions.get(organizationId) ?? null;
      const due = await this.db.inOrganization(organizationId, (tx) => this.store.due(tx, after, BATCH_SIZE));
      await this.producer.add(due.map((delivery) => deliveryWakeup(dueDelivery(organizationId, delivery))));
      woken += due.length;
      const last = due.at(-1);
      if (due.length < BATCH_SIZE || last === undefined) {
        this.positions.delete(organizationId);
        break;
      }
      this.positions.set(organizationId, { dueAt: last.due_key, id: last.id });
    }
    return woken;
  }
}

function dueDelivery(organizationId: string, row: DueDelivery) {
  const { id: deliveryId, workspace_id: workspaceId, attempt_count: attemptCount, is_manual: isManual } = row;
  return { organizationId, workspaceId, deliveryId, attemptCount, isManual };
}
