import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';

const BATCH = 20_000;

/** Keeps the sums short by which the dashboard knows what inboxes hold. Without it they are right, and slower to read. */
@Injectable()
export class FoldInboxCounts extends Duty {
  readonly name = 'fold-inbox-counts';
  readonly interval = { busyMs: 1_000, idleMs: 5_000 };
  override readonly batchSize = BATCH / 2;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ folded: number }> {
    let folded = 0;
    for (const organizationId of await this.db.organizationIds()) {
      const [row] = await this.db.statement<{ count: number }>('select fold_inbox_counts($1, $2) as count', [
        organizationId,
        BATCH,
      ]);
      folded += row?.count ?? 0;
    }
    return { folded };
  }
}
