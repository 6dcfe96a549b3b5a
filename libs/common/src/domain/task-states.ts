export const TASK_STATUSES = [
  'inbox',
  'assigned',
  'in_progress',
  'blocked',
  'review',
  'done',
  'failed',
  'cancelled',
] as const;

export type TaskStatus = (typeof TASK_STATUSES)[number];

/**
 * Who moves a task.
 *
 * - `claim`: an agent takes it, or it is offered to one
 * - `worker`: whoever holds its lease
 * - `person`: anybody who may write tasks, without a lease
 * - `clock`: a duty, because a time has come
 * - `replay`: its dead letter is replayed
 */
export type Mover = 'claim' | 'worker' | 'person' | 'clock' | 'replay';

/** What a task must have to get somewhere: a reason, a message or evidence. */
export type Need = 'blocker_reason' | 'completion' | 'evidence';

export interface Transition {
  readonly from: TaskStatus;
  readonly to: TaskStatus;
  readonly by: readonly Mover[];
}

/** The one table of moves: what is not here does not happen. */
export const TRANSITIONS: readonly Transition[] = [
  { from: 'inbox', to: 'assigned', by: ['claim'] },
  { from: 'inbox', to: 'in_progress', by: ['claim'] },
  { from: 'inbox', to: 'blocked', by: ['person'] },
  { from: 'inbox', to: 'cancelled', by: ['person'] },
  { from: 'inbox', to: 'failed', by: ['clock'] },
  { from: 'assigned', to: 'in_progress', by: ['worker'] },
  { from: 'assigned', to: 'inbox', by: ['worker', 'person', 'clock'] },
  { from: 'assigned', to: 'blocked', by: ['worker', 'person'] },
  { from: 'assigned', to: 'review', by: ['worker'] },
  { from: 'assigned', to: 'done', by: ['worker'] },
  { from: 'assigned', to: 'failed', by: ['worker', 'clock'] },
  { from: 'assigned', to: 'cancelled', by: ['person'] },
  { from: 'in_progress', to: 'inbox', by: ['worker', 'person', 'clock'] },
  { from: 'in_progress', to: 'blocked', by: ['worker', 'person'] },
  { from: 'in_progress', to: 'review', by: ['worker', 'person'] },
  { from: 'in_progress', to: 'done', by: ['worker', 'person'] },
  { from: 'in_progress', to: 'failed', by: ['worker', 'person', 'clock'] },
  { from: 'in_progress', to: 'cancelled', by: ['person'] },
  { from: 'blocked', to: 'inbox', by: ['person'] },
  { from: 'blocked', to: 'failed', by: ['person', 'clock'] },
  { from: 'blocked', to: 'cancelled', by: ['person'] },
  { from: 'review', to: 'inbox', by: ['person'] },
  { from: 'review', to: 'blocked', by: ['person'] },
  { from: 'review', to: 'done', by: ['person'] },
  { from: 'review', to: 'failed', by: ['person', 'clock'] },
  { from: 'review', to: 'cancelled', by: ['person'] },
  { from: 'failed', to: 'inbox', by: ['replay'] },
];

/** What a task needs to enter a status, whoever moves it. */
export const NEEDS: Readonly<Partial<Record<TaskStatus, Need>>> = {
  blocked: 'blocker_reason',
  review: 'completion',
  done: 'evidence',
};

const TERMINAL: ReadonlySet<TaskStatus> = new Set(['done', 'failed', 'cancelled']);

export function isTerminal(status: TaskStatus): boolean {
  return TERMINAL.has(status);
}

export function mayMove(from: TaskStatus, to: TaskStatus, by: Mover): boolean {
  return TRANSITIONS.some((edge) => edge.from === from && edge.to === to && edge.by.includes(by));
}

/** Where `by` may take a task from here, in the order of `TASK_STATUSES`. */
export function allowedMoves(from: TaskStatus, by: Mover): TaskStatus[] {
  return TASK_STATUSES.filter((to) => mayMove(from, to, by));
}

/** What a task shows for itself. */
export interface Proofs {
  blockerReason?: string | null;
  message?: string | null;
  evidenceRef?: string | null;
  evidence?: unknown;
  result?: unknown;
}

/** What is missing to enter a status, or null. */
export function missingFor(to: TaskStatus, proofs: Proofs): Need | null {
  const { blockerReason, message, evidenceRef, evidence, result } = proofs;
  const hasEvidence = isGiven(evidenceRef) || isGiven(evidence) || isGiven(result);
  switch (NEEDS[to]) {
    case 'blocker_reason':
      return isGiven(blockerReason) ? null : 'blocker_reason';
    case 'completion':
      return hasEvidence || isGiven(message) ? null : 'completion';
    case 'evidence':
      return hasEvidence ? null : 'evidence';
    case undefined:
      return null;
  }
}

function isGiven(value: unknown): boolean {
  return typeof value === 'string' ? value.trim() !== '' : value !== undefined && value !== null;
}
