import { failedMove, lostMove, returnedMove, type TaskMove } from '@houston/common/tasks/task-move.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';

/** Why a lease ends without its holder's word. poison: expired, as those before did. */
export type LeaseEnd = 'unacknowledged' | 'expired' | 'poison' | 'timeout' | 'stalled';

const ACTOR = 'system';

/** What becomes of a task whose lease has run out in one way or another. */
export function moveAfter(end: LeaseEnd, task: TaskRow): TaskMove {
  switch (end) {
    case 'unacknowledged':
      return returnedMove(task, { kind: 'unacknowledged', error: 'The agent did not acknowledge the task.' }, ACTOR);
    case 'expired':
      return lostMove(task, { kind: 'abandoned', error: 'The agent fell silent.' }, ACTOR);
    case 'poison':
      return lostMove(task, { kind: 'abandoned', error: 'The agent fell silent, as those before did.' }, ACTOR, true);
    case 'stalled':
      return lostMove(task, { kind: 'stalled', error: 'The agent made no progress.' }, ACTOR);
    case 'timeout':
      return failedMove(task, { kind: 'timeout', error: 'The attempt took longer than it may.' }, ACTOR);
  }
}
