import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { SweepStore } from './sweep.store.js';

const BATCH_SIZE = 1_000;
const MAX_BATCHES = 10;

/** Removes deliveries that ended 30 days ago, never one that is pending or waits in the dead letters. */
@Injectable()
export class DeliveryCleaner {
  readonly name = 'delivery-cleaner';

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SweepStore) private readonly store: SweepStore,
  ) {}

  async runOnce(): Promise<{ removed: number }> {
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
