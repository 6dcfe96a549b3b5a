import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { RetryStore } from './retry.store.js';

const BATCH = 1_000;

/** Puts tasks back among those that can be taken when the wait before their next attempt is over. */
@Injectable()
export class DueRetries extends Duty {
  readonly name = 'due-retries';
  readonly interval = { busyMs: 50, idleMs: 250 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(RetryStore) private readonly store: RetryStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let freed = 0;
    for (const organizationId of await this.db.organizationIds()) {
      freed += await this.db.inOrganization(organizationId, (tx) => this.store.free(tx, BATCH));
    }
    return { freed };
  }
}
