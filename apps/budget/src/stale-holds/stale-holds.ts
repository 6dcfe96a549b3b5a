import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 500;

/** Frees what is held for runs that gave no sign of life in time. What they reported until then is spent. */
@Injectable()
export class StaleHolds {
  readonly name = 'stale-holds';
  /** A hold is free again within 2 s of its time. */
  readonly intervalMs = 1_000;

  constructor(@Inject(Database) private readonly db: Database) {}

  async runOnce(): Promise<{ expired: number }> {
    let expired = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      for (let batch = BATCH; batch >= BATCH; expired += batch) batch = await this.expireBatch(organizationId);
    });
    return { expired };
  }

  private async expireBatch(organizationId: string): Promise<number> {
    const [row] = await this.db.statement<{ expired: number }>('select expire_holds($1, $2)::int as expired', [
      organizationId,
      BATCH,
    ]);
    return row?.expired ?? 0;
  }
}
