import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { type Counts, Duty } from '@houston/common/duties/duty.js';
import { SweepStore } from './sweep.store.js';

const BATCH_SIZE = 1_000;
const MAX_BATCHES = 10;

/** Removes deliveries that ended 30 days ago, never one that is pending or waits in the dead letters. */
@Injectable()
export class DeliveryCleaner extends Duty {
  readonly name = 'delivery-cleaner';
  readonly interval = { busyMs: 60_000, idleMs: 600_000 };
  override readonly batchSize = BATCH_SIZE * MAX_BATCHES;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SweepStore) private readonly store: SweepStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let removed = 0;
    for (const organizationId of await this.db.organizationIds()) {
      for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
        const count = await this.db.inOrganization(organizationId, (tx) => this.store.removeOld(tx, BATCH_SIZE));
        removed += count;
        if (count < BATCH_SIZE) break;
      }
    }
    return { removed };
  }
}
