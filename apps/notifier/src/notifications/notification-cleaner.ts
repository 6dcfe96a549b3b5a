import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { type Counts, Duty } from '@houston/common/duties/duty.js';
import { NotificationSweepStore } from './notification-sweep.store.js';

const BATCH_SIZE = 1_000;

/** Removes notifications that ended 30 days ago (in an inbox: 90), never one that waits in the dead letters. */
@Injectable()
export class NotificationCleaner extends Duty {
  readonly name = 'notification-cleaner';
  readonly interval = { busyMs: 60_000, idleMs: 600_000 };
  override readonly batchSize = BATCH_SIZE;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(NotificationSweepStore) private readonly store: NotificationSweepStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let removed = 0;
    for (const organizationId of await this.db.organizationIds()) {
      removed += await this.db.inOrganization(organizationId, (tx) => this.store.removeOld(tx, BATCH_SIZE));
    }
    return { removed };
  }
}
