import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 500;

/** Frees what is held for runs that gave no sign of life in time. What they reported until then is spent. */
@Injectable()
export class StaleHolds extends Duty {
  readonly name = 'stale-holds';
  /** A hold is free again within 2 s of its time. */
  readonly interval = { busyMs: 1_000, idleMs: 1_000 };
  override readonly batchSize = BATCH;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ expired: number }> {
    let expired = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      const [row] = await this.db.statement<{ count: number }>('select expire_holds($1, $2)::int as count', [
        organizationId,
        BATCH,
      ]);
      expired += row?.count ?? 0;
    });
    return { expired };
  }
}
