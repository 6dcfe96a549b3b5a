import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';

const BATCH = 500;

/**
 * Notices what time does to agents: silence, an end of a breaker, a lease that ran out. Whatever else changes an agent
 * tells so itself, in its own transaction; this duty would find it too, some seconds later.
 */
@Injectable()
export class AgentWatch extends Duty {
  readonly name = 'agent-watch';
  readonly interval = { busyMs: 500, idleMs: 1_000 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ watched: number }> {
    let watched = 0;
    for (const organizationId of await this.db.organizationIds()) {
      const [row] = await this.db.statement<{ count: number }>('select note_due_agents($1, $2) as count', [
        organizationId,
        BATCH,
      ]);
      watched += row?.count ?? 0;
    }
    return { watched };
  }
}
