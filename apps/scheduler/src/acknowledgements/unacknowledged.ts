import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { SilenceStore } from './silence.store.js';

const BATCH = 200;

/** Tells owners and admins of direct messages that nobody has acknowledged in time, within a second. */
@Injectable()
export class Unacknowledged extends Duty {
  readonly name = 'unacknowledged';
  readonly interval = { busyMs: 250, idleMs: 1_000 };
  override readonly batchSize = BATCH;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SilenceStore) private readonly store: SilenceStore,
  ) {
    super();
  }

  async runOnce(): Promise<{ escalated: number }> {
    let escalated = 0;
    for (const organizationId of await this.db.organizationIds())
      escalated += await this.store.escalate(organizationId, BATCH);
    return { escalated };
  }
}
