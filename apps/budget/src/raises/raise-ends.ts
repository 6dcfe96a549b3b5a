import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 200;

/** Takes back what was added to budgets for a time that is over. */
@Injectable()
export class RaiseEnds extends Duty {
  readonly name = 'raise-ends';
  /** A raise ends within 2 s. */
  readonly interval = { busyMs: 250, idleMs: 500 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ ended: number }> {
    let ended = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      const values = [organizationId, BATCH];
      const [row] = await this.db.statement<{ count: number }>('select end_raises($1, $2) as count', values);
      ended += row?.count ?? 0;
    });
    return { ended };
  }
}
