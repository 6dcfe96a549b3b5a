import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { SilenceStore } from './silence.store.js';

const BATCH = 1_000;
const HOUR_MS = 3_600_000;

/** Forgets direct messages whose time is over; the events stay. */
@Injectable()
export class MessageCleaner extends Duty {
  readonly name = 'message-cleaner';
  readonly interval = { busyMs: 10_000, idleMs: HOUR_MS };
  override readonly batchSize = BATCH;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SilenceStore) private readonly store: SilenceStore,
  ) {
    super();
  }

  async runOnce(): Promise<{ forgotten: number }> {
    let forgotten = 0;
    for (const organizationId of await this.db.organizationIds())
      forgotten += await this.store.forget(organizationId, BATCH);
    return { forgotten };
  }
}
