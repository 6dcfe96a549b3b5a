import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 200;

/** Thaws budgets that were frozen for a time which is over. */
@Injectable()
export class Thaws extends Duty {
  readonly name = 'thaws';
  readonly interval = { busyMs: 500, idleMs: 1_000 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ thawed: number }> {
    let thawed = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      const values = [organizationId, BATCH];
      const [row] = await this.db.statement<{ count: number }>('select thaw_due_budgets($1, $2) as count', values);
      thawed += row?.count ?? 0;
    });
    return { thawed };
  }
}
