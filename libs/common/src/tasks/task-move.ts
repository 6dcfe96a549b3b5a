import { v7 as newId } from 'uuid';
import { afterFailure, retryPolicy } from '../domain/retry-policy.js';
import type { TaskStatus } from '../domain/task-states.js';
import type { TaskRow } from './task.row.js';

export type AttemptEnd =
  | 'succeeded'
  | 'transient'
  | 'permanent'
  | 'quota'
  | 'abandoned'
  | 'stalled'
  | 'timeout'
  | 'unacknowledged'
  | 'released'
  | 'blocked'
  | 'cancelled'
  | 'budget';

export type DeadLetterReason = 'attempts' | 'timeout' | 'permanent' | 'poison' | 'manual';

/** One task's move out of its status, in the names that moves.sql reads. */
export interface TaskMove {
  workspace_id: string;
  id: string;
  to: TaskStatus;
  /** `key:<id>` or `system`. */
  actor: string;
  /** Its offer is acknowledged by the same breath. */
  taken_up?: boolean;
  attempt?: { kind: AttemptEnd; error?: string; error_type?: string };
  attempts?: number;
  delay_ms?: number;
  /** ISO 8601. */
  retry_at?: string;
  retry_reason?: 'backoff' | 'quota' | 'budget' | 'replay';
  blocker_reason?: string;
  message?: string;
  evidence_ref?: string;
  evidence?: unknown;
  result?: unknown;
  outcome?: string;
  error?: string;
  settle?: Record<string, unknown>;
  dead_letter?: { id: string; reason: DeadLetterReason };
  events: { type: string; data?: Record<string, unknown> }[];
}

/** What a move is told with. */
export interface Fault {
  kind: AttemptEnd;
  error?: string;
  errorType?: string;
}

type Moved = Pick<TaskRow, 'workspace_id' | 'id' | 'attempts' | 'retry_policy'>;

/** A failed attempt: back to the inbox after a wait, or among the dead letters when its attempts are used up. */
export function failedMove(
  task: Moved,
  fault: Fault & { kind: 'transient' | 'permanent' | 'timeout' },
  actor: string,
): TaskMove {
  const verdict = afterFailure(retryPolicy(task.retry_policy), task.attempts, {
    kind: fault.kind === 'permanent' ? 'permanent' : 'transient',
    errorType: fault.errorType,
  });
  if (verdict.kind === 'dead') {
    return deadMove(
      task,
      fault.kind === 'timeout' && verdict.reason === 'attempts' ? 'timeout' : verdict.reason,
      fault,
      actor,
    );
  }
  return {
    ...moveOf(task, 'inbox', fault, actor),
    delay_ms: verdict.delayMs,
    retry_reason: 'backoff',
    events: [
      {
        type: 'task.failed',
        data: { kind: fault.kind, error: shortened(fault.error), retryInMs: Math.round(verdict.delayMs) },
      },
    ],
  };
}

/**
 * An attempt whose agent was lost: tried again at once, with its checkpoint, unless its attempts are used up, or too many agents
 * in a row were lost with it.
 */
export function lostMove(
  task: Moved,
  fault: Fault & { kind: 'abandoned' | 'stalled' },
  actor: string,
  isPoison = false,
): TaskMove {
  const lost = { type: 'lease.lost', data: { kind: fault.kind } };
  const isUsedUp = task.attempts >= retryPolicy(task.retry_policy).maximumAttempts;
  if (isUsedUp || isPoison) {
    const dead = deadMove(task, isUsedUp ? 'attempts' : 'poison', fault, actor);
    return { ...dead, events: [lost, ...dead.events] };
  }
  return { ...moveOf(task, 'inbox', fault, actor), events: [lost] };
}

/** Given back before it was really tried: the attempt is not counted, and it can be taken again at once. */
export function returnedMove(
  task: Moved,
  fault: Fault & { kind: 'released' | 'unacknowledged' | 'quota' | 'budget' },
  actor: string,
): TaskMove {
  return {
    ...moveOf(task, 'inbox', fault, actor),
    attempts: Math.max(0, task.attempts - 1),
    events: [{ type: 'task.released', data: { kind: fault.kind, error: shortened(fault.error) } }],
  };
}

/** Given up: it waits among the dead letters until somebody decides. */
export function deadMove(task: Moved, reason: DeadLetterReason, fault: Fault, actor: string): TaskMove {
  const id = newId();
  return {
    ...moveOf(task, 'failed', fault, actor),
    dead_letter: { id, reason },
    events: [
      { type: 'task.dead', data: { reason, kind: fault.kind, error: shortened(fault.error), deadLetterId: id } },
    ],
  };
}

function moveOf(task: Moved, to: TaskStatus, fault: Fault, actor: string): Omit<TaskMove, 'events'> {
  return {
    workspace_id: task.workspace_id,
    id: task.id,
    to,
    actor,
    attempt: { kind: fault.kind, error: fault.error, error_type: fault.errorType },
    error: fault.error,
  };
}

const MAX_EVENT_ERROR = 500;

/** Events travel far; the whole text stays with the attempt. */
function shortened(error: string | undefined): string | undefined {
  return error === undefined || error.length <= MAX_EVENT_ERROR ? error : `${error.slice(0, MAX_EVENT_ERROR)}…`;
}
