import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { forEachOrganization } from '../organizations.js';

const BATCH = 5_000;

/** Forgets the answers kept under Idempotency-Keys after 24 hours: from then on a key is new again. */
@Injectable()
export class ForgetAnswers extends Duty {
  readonly name = 'forget-answers';
  readonly interval = { busyMs: 10_000, idleMs: 600_000 };
  override readonly batchSize = BATCH;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ forgotten: number }> {
    let forgotten = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      const [row] = await this.db.statement<{ count: number }>('select forget_idempotency_keys($1, $2) as count', [
        organizationId,
        BATCH,
      ]);
      forgotten += row?.count ?? 0;
    });
    return { forgotten };
  }
}
