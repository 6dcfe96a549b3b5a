import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { projectExhaustion } from '@houston/common/domain/projection.js';
import { forEachOrganization } from '../organizations.js';
import { ProjectionStore, type RunningWindow } from './projection.store.js';

/** Says once per budget and window that the money will not last until the window's end. */
@Injectable()
export class Projections extends Duty {
  readonly name = 'projections';
  readonly interval = { busyMs: 30_000, idleMs: 30_000 };

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ProjectionStore) private readonly store: ProjectionStore,
  ) {
    super();
  }

  /** @param at the time to judge at; default: the database's now */
  async runOnce(at?: Date): Promise<{ projected: number }> {
    let projected = 0;
    await forEachOrganization(this.db, (organizationId) =>
      this.db.inOrganization(organizationId, async (tx) => {
        for (const window of await this.store.windowsWorthAWarning(tx, at)) {
          const exhaustedAt = exhaustionOf(window);
          if (exhaustedAt !== null && (await this.store.warnOnce(tx, window, exhaustedAt))) projected += 1;
        }
      }),
    );
    return { projected };
  }
}

function exhaustionOf(window: RunningWindow): Date | null {
  return projectExhaustion({
    windowStart: window.window_start,
    windowEnd: window.window_end,
    limitNano: BigInt(window.limit_nano),
    spentNano: BigInt(window.spent_nano),
    now: window.judged_at,
  });
}
