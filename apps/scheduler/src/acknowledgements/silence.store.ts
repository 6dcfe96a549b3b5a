import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';

/** What time does to direct messages; see silence.sql. */
@Injectable()
export class SilenceStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Tells of messages that nobody has acknowledged in time, each once. @returns how many */
  async escalate(organizationId: string, limit: number): Promise<number> {
    return this.count('select escalate_unacknowledged($1, $2) as count', organizationId, limit);
  }

  /** Removes messages whose time is over. @returns how many */
  async forget(organizationId: string, limit: number): Promise<number> {
    return this.count('select forget_messages($1, $2) as count', organizationId, limit);
  }

  private async count(sql: string, organizationId: string, limit: number): Promise<number> {
    const [row] = await this.db.statement<{ count: number }>(sql, [organizationId, limit]);
    return row?.count ?? 0;
  }
}
