import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { deadMove } from '@houston/common/tasks/task-move.js';
import { moveTasks } from '@houston/common/tasks/task-moves.store.js';
import { DeadlineStore } from './deadline.store.js';

const BATCH = 500;

/** Tells that a task is overdue, in the second it becomes so, and ends tasks whose time is over. */
@Injectable()
export class Deadlines extends Duty {
  readonly name = 'deadlines';
  readonly interval = { busyMs: 250, idleMs: 500 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeadlineStore) private readonly store: DeadlineStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const counts = { breached: 0, missed: 0, expired: 0 };
    for (const organizationId of await this.db.organizationIds()) {
      const { breached, missed } = await this.noteBreaches(organizationId);
      counts.breached += breached;
      counts.missed += missed;
      counts.expired += await this.expire(organizationId);
    }
    return counts;
  }

  /** Tells which due times have passed and which service levels are missed. */
  noteBreaches(organizationId: string): Promise<{ breached: number; missed: number }> {
    return this.db.inOrganization(organizationId, async (tx) => ({
      breached: await this.store.noteBreaches(tx, BATCH),
      missed: await this.store.noteSloBreaches(tx, BATCH),
    }));
  }

  private expire(organizationId: string): Promise<number> {
    return this.db.inOrganization(organizationId, async (tx) => {
      const tasks = await this.store.lockExpired(tx, BATCH);
      const fault = { kind: 'timeout', error: 'The task was not done in its time.' } as const;
      await moveTasks(
        tx,
        tasks.map((task) => deadMove(task, 'timeout', fault, 'system')),
      );
      return tasks.length;
    });
  }
}
