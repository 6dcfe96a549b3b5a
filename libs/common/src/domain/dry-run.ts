import { holdsFrom, type WatchedTask, type WatchRule } from './escalation.js';
import type { TaskStatus } from './task-states.js';

/** What is known of a task's past. */
export interface PastTask {
  /** As it is now; what changed meanwhile is told by `moves` and `failures`. */
  readonly now: WatchedTask;
  /** In order of time: into which status it went, and when. */
  readonly moves: readonly { readonly at: Date; readonly to: TaskStatus }[];
  /** In order of time: attempts that failed, with their errors; `error` null: a later attempt began. */
  readonly attempts: readonly { readonly at: Date; readonly error: string | null; readonly failed: boolean }[];
}

/**
 * When a rule would have begun to hold for a task between two moments, each time anew after it had ceased to. Between two
 * changes everything about a task but the time is constant, so only the moments of change have to be visited.
 *
 * @param isTrue its condition, for the task as it was at that moment
 */
export function wouldHold(
  rule: WatchRule,
  task: PastTask,
  from: Date,
  until: Date,
  isTrue: (then: WatchedTask, at: Date) => boolean,
): Date[] {
  const moments = momentsOf(task, from, until);
  const begun: Date[] = [];
  let held = false;
  moments.forEach((moment, index) => {
    const next = moments[index + 1] ?? until;
    const then = asOf(task, moment);
    const since = holdsFrom(rule, then);
    const at = since === null || since > moment ? since : moment;
    const holds = at !== null && at < next && isTrue(then, at);
    // What held already when the span began has fired before it.
    const isOlder = index === 0 && since !== null && since < from;
    if (holds && !isOlder && (!held || at > moment)) begun.push(at);
    held = holds;
  });
  return begun;
}

function momentsOf({ now, moves, attempts }: PastTask, from: Date, until: Date): Date[] {
  const start = Math.max(now.createdAt.getTime(), from.getTime());
  const changes = [...moves, ...attempts].map(({ at }) => at.getTime());
  const within = changes.filter((at) => at > start && at < until.getTime());
  return start >= until.getTime()
    ? []
    : [...new Set([start, ...within])].sort((a, b) => a - b).map((at) => new Date(at));
}

function asOf({ now, moves, attempts }: PastTask, moment: Date): WatchedTask {
  const move = moves.filter(({ at }) => at <= moment).at(-1);
  const tried = attempts.filter(({ at }) => at <= moment);
  const failed = tried.filter((attempt) => attempt.failed);
  const status = move?.to ?? now.status;
  return {
    ...now,
    status,
    statusSince: move?.at ?? now.statusSince,
    failures: failed.length,
    lastFailedAt: failed.at(-1)?.at ?? null,
    lastError: tried.at(-1)?.error ?? null,
    approvalSince: now.approvalSince !== null && now.approvalSince <= moment ? now.approvalSince : null,
    matchable: { ...now.matchable, status: [status] },
  };
}
