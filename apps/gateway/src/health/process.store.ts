import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';

/** The processes of this installation, as their beats tell. */
@Injectable()
export class ProcessStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Names of the services of which at least one process has beaten lately, by the database's clock. */
  async alive(withinSeconds: number): Promise<Set<string>> {
    const rows = await this.db.statement<{ name: string }>(
      'select distinct name from processes where beat_at > now() - make_interval(secs => $1)',
      [withinSeconds],
    );
    return new Set(rows.map((row) => row.name));
  }
}
