import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { ScheduleStore } from './schedule.store.js';

const BATCH = 5_000;
const HOUR_MS = 3_600_000;

/** Forgets what became of ticks after 30 days; the events stay. */
@Injectable()
export class TickCleaner extends Duty {
  readonly name = 'tick-cleaner';
  readonly interval = { busyMs: 10_000, idleMs: HOUR_MS };
  override readonly batchSize = BATCH;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ScheduleStore) private readonly store: ScheduleStore,
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
