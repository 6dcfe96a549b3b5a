import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { why } from '@houston/common/domain/task-why.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { candidatesOf, waitingTask } from '@houston/common/tasks/waiting.store.js';
import { DeadlineStore, type WaitingRow } from './deadline.store.js';

const BATCH = 100;

/** Looks at tasks that have not moved for a minute and more, and tells what each waits for, whenever that has changed. */
@Injectable()
export class WaitingWatch extends Duty {
  readonly name = 'waiting-watch';
  readonly interval = { busyMs: 1_000, idleMs: 5_000 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeadlineStore) private readonly store: DeadlineStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let looked = 0;
    let told = 0;
    for (const organizationId of await this.db.organizationIds()) {
      for (let n = 0; n < BATCH; n += 1) {
        const found = await this.lookAtNext(organizationId);
        if (found === 'none') break;
        looked += 1;
        if (found === 'told') told += 1;
      }
    }
    return { looked, told };
  }

  /** One in each transaction: to ask every agent takes time, in which nobody else could take the task or move it. */
  private lookAtNext(organizationId: string): Promise<'none' | 'told' | 'known'> {
    return this.db.inOrganization(organizationId, async (tx) => {
      const task = await this.store.lockWaiting(tx);
      if (!task) return 'none';
      return (await this.look(tx, task)) ? 'told' : 'known';
    });
  }

  /** @returns whether there was something new to tell */
  private async look(tx: Tx, task: WaitingRow): Promise<boolean> {
    const { reason, missingCapabilities, until } = why(
      waitingTask(task),
      await candidatesOf(tx, task.workspace_id, task.id, false),
    );
    await this.store.lookLater(tx, task, reason);
    if (reason === task.waiting_reason || reason === 'running') return false;
    await appendEvent(tx, {
      type: 'task.waiting',
      actor: 'system',
      subject: `task:${task.id}`,
      workspaceId: task.workspace_id,
      data: { taskId: task.id, title: task.title, status: task.status, reason, missingCapabilities, until },
    });
    return true;
  }
}
