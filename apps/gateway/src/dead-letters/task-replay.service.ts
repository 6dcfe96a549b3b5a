import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { TaskMove } from '@houston/common/tasks/task-move.js';
import { moveTasks } from '@houston/common/tasks/task-moves.store.js';
import type { Caller } from '../http/caller.js';
import type { DeadLetterRow } from './dead-letter.view.js';
import { type TaskLetter, type TaskLetterChoice, TaskLetterStore } from './task-letter.store.js';

/** Brings tasks back from the dead letters: the same task, its attempts counted anew under its policy as it is now. */
@Injectable()
export class TaskReplayService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TaskLetterStore) private readonly store: TaskLetterStore,
  ) {}

  /** @returns null when somebody else decided it meanwhile */
  replay(caller: Caller, id: string, taskId: string): Promise<DeadLetterRow | null> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      const [letter] = await this.revive(tx, caller, [{ id, task_id: taskId }], 0);
      return letter ?? null;
    });
  }

  /** Each becomes free to be taken `gapMs` after the one before. @returns what was chosen, or with `preview` would be */
  replayMany(caller: Caller, choice: TaskLetterChoice, gapMs: number, preview: boolean): Promise<TaskLetter[]> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      const chosen = await this.store.choose(tx, caller.workspaceId, choice);
      return preview ? chosen : this.revive(tx, caller, chosen, gapMs);
    });
  }

  private async revive(
    tx: Tx,
    caller: Caller,
    letters: Pick<TaskLetter, 'id' | 'task_id'>[],
    gapMs: number,
  ): Promise<TaskLetter[]> {
    // The tasks before their letters, as whoever gives a task up locks them.
    const taskIds = letters.map((letter) => letter.task_id);
    const failed = await this.store.lockFailed(tx, caller.workspaceId, taskIds);
    const ids = letters.flatMap((letter) => (failed.has(letter.task_id) ? [letter.id] : []));
    const resolved = await this.store.resolve(tx, caller.workspaceId, ids, caller.actor);
    await moveTasks(
      tx,
      resolved.map((letter, n) => replayMove(caller, letter, n * gapMs)),
    );
    return resolved;
  }
}

function replayMove(caller: Caller, letter: TaskLetter, delayMs: number): TaskMove {
  return {
    workspace_id: caller.workspaceId,
    id: letter.task_id,
    to: 'inbox',
    actor: caller.actor,
    attempts: 0,
    ...(delayMs > 0 ? { delay_ms: delayMs, retry_reason: 'replay' as const } : {}),
    events: [{ type: 'task.replayed', data: { deadLetterId: letter.id } }],
  };
}
