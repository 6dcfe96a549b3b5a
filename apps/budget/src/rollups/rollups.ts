import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 2_000;

/** Sums up costs by quarter of an hour. Whoever asks for costs reads these sums and the events that are not in them yet. */
@Injectable()
export class Rollups {
  readonly name = 'rollups';
  readonly intervalMs = 1_000;

  constructor(@Inject(Database) private readonly db: Database) {}

  /** @param batch events per transaction */
  async runOnce(batch = BATCH): Promise<{ read: number }> {
    let read = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      for (let count = batch; count >= batch; read += count) count = await this.rollUp(organizationId, batch);
    });
    return { read };
  }

  private async rollUp(organizationId: string, limit: number): Promise<number> {
    const [row] = await this.db.statement<{ read: number }>('select roll_up_costs($1, $2) as read', [
      organizationId,
      limit,
    ]);
    return row?.read ?? 0;
  }
}
