import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 2_000;

/** Sums up costs by quarter of an hour. Whoever asks for costs reads these sums and the events that are not in them yet. */
@Injectable()
export class Rollups extends Duty {
  readonly name = 'rollups';
  readonly interval = { busyMs: 1_000, idleMs: 1_000 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ read: number }> {
    let read = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      const [row] = await this.db.statement<{ count: number }>('select roll_up_costs($1, $2) as count', [
        organizationId,
        BATCH,
      ]);
      read += row?.count ?? 0;
    });
    return { read };
  }
}
