import type { Tx } from '@houston/common/db/database.js';
import type { TaskMove } from '@houston/common/tasks/task-move.js';
import type { HeldTask, Presented } from './lease.store.js';

/** The word of a lease's holder that ends it, and what that makes of the task. */
export interface LeaseAct extends Presented {
  /** What it throws is the answer to this act alone. */
  decide: (task: HeldTask, tx: Tx) => TaskMove | Promise<TaskMove>;
  /** The task as it is then is wanted. */
  isRowWanted: boolean;
}

/** The word that takes an offer up. */
export interface Acknowledgement extends Presented {
  decide: null;
}

export type Word = LeaseAct | Acknowledgement;

interface Joined {
  acknowledgement: Acknowledgement;
  act: LeaseAct;
}

/** Which acknowledgements go with an act that ends the same lease, of the same holder, said after them. */
export function joinedWords(words: readonly Word[]): {
  alone: Acknowledgement[];
  joined: Joined[];
  acts: LeaseAct[];
} {
  const alone: Acknowledgement[] = [];
  const joined: Joined[] = [];
  const acts: LeaseAct[] = [];
  const following = new Map<string, LeaseAct>();
  for (const word of [...words].reverse()) {
    if (isAct(word)) {
      acts.unshift(word);
      following.set(leaseOf(word), word);
      continue;
    }
    const act = following.get(leaseOf(word));
    if (act) joined.push({ acknowledgement: word, act });
    else alone.unshift(word);
  }
  return { alone, joined, acts };
}

function isAct(word: Word): word is LeaseAct {
  return word.decide !== null;
}

function leaseOf({ bearer, taskId, lease }: Presented): string {
  return [bearer.workspaceId, bearer.agentId, bearer.actor, taskId, lease.id, lease.fence].join(' ');
}
