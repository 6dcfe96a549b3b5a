import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { moveTasks } from '@houston/common/tasks/task-moves.store.js';
import { moveAfter } from './lease-end.js';
import { LeaseStore } from './lease.store.js';

const BATCH = 500;

/**
 * Takes back what was given to agents that do not answer: offers nobody acknowledged, leases that ran out, attempts that
 * took too long or made no progress. The next attempt receives the last checkpoint.
 */
@Injectable()
export class LostLeases extends Duty {
  readonly name = 'lost-leases';
  /** A task is free again within 2 s of its lease's end. */
  readonly interval = { busyMs: 250, idleMs: 500 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(LeaseStore) private readonly store: LeaseStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let reclaimed = 0;
    for (const organizationId of await this.db.organizationIds()) {
      reclaimed += await this.db.inOrganization(organizationId, async (tx) => {
        const ended = await this.store.lockEnded(tx, BATCH);
        await moveTasks(
          tx,
          ended.map((task) => moveAfter(task.lease_end, task)),
        );
        return ended.length;
      });
    }
    return { reclaimed };
  }
}
