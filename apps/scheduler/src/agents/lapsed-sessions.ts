import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';

const BATCH = 500;

/** Forgets connections of agents whose gateway died with them, and tickets for connections that were not used. */
@Injectable()
export class LapsedSessions extends Duty {
  readonly name = 'lapsed-sessions';
  readonly interval = { busyMs: 1_000, idleMs: 5_000 };
  override readonly batchSize = BATCH;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ forgotten: number }> {
    let forgotten = 0;
    for (const organizationId of await this.db.organizationIds()) {
      const [row] = await this.db.statement<{ count: number }>('select forget_lapsed_sessions($1, $2) as count', [
        organizationId,
        BATCH,
      ]);
      forgotten += row?.count ?? 0;
    }
    return { forgotten };
  }
}
