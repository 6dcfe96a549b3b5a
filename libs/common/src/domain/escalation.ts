import type { TaskStatus } from './task-states.js';

export const ESCALATION_TRIGGERS = [
  'timeInStatus',
  'sloConsumed',
  'failedAttempts',
  'errorPattern',
  'approvalPending',
  'agentSilent',
  'budgetConsumed',
] as const;
export const ESCALATION_ACTIONS = [
  'notify',
  'raisePriority',
  'reassign',
  'unassign',
  'block',
  'requestApproval',
  'webhook',
] as const;
export const ESCALATION_STATUSES = ['open', 'acknowledged', 'resolved'] as const;

export type EscalationTrigger = (typeof ESCALATION_TRIGGERS)[number];
export type EscalationAction = (typeof ESCALATION_ACTIONS)[number];
export type EscalationStatus = (typeof ESCALATION_STATUSES)[number];
export const SUBJECT_KINDS = ['task', 'agent', 'budget', 'approval'] as const;

export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** What a rule of this trigger looks at. An approval about a task is looked at as its task's. */
export function subjectsOf(trigger: EscalationTrigger): readonly SubjectKind[] {
  if (trigger === 'agentSilent') return ['agent'];
  if (trigger === 'budgetConsumed') return ['budget'];
  return trigger === 'approvalPending' ? ['task', 'approval'] : ['task'];
}

export function looksAt(trigger: EscalationTrigger, kind: SubjectKind): boolean {
  return subjectsOf(trigger).includes(kind);
}

/** One value or several. */
type OneOrMany = string | readonly string[];

/** Whom a rule is about: of each field that is there, the subject must have one of the values. */
export interface EscalationMatch {
  readonly priority?: OneOrMany;
  readonly status?: OneOrMany;
  readonly capability?: OneOrMany;
  readonly tag?: OneOrMany;
  /** Names or ids. */
  readonly agent?: OneOrMany;
}

/** What a trigger can be restricted by. */
export function matchableBy(trigger: EscalationTrigger): (keyof EscalationMatch)[] {
  if (looksAt(trigger, 'task')) return ['priority', 'status', 'capability', 'tag', 'agent'];
  return looksAt(trigger, 'agent') ? ['agent', 'capability'] : ['agent'];
}

export interface WatchedTask {
  readonly kind: 'task';
  readonly status: TaskStatus;
  readonly statusSince: Date;
  readonly createdAt: Date;
  /** When its service level and its own due time pass. */
  readonly dueTimes: readonly Date[];
  readonly failures: number;
  readonly lastFailedAt: Date | null;
  /** Of the last attempt, if that failed. */
  readonly lastError: string | null;
  readonly approvalSince: Date | null;
  readonly matchable: EscalationMatch;
}

export interface WatchedAgent {
  readonly kind: 'agent';
  readonly lastSeenAt: Date | null;
  readonly matchable: EscalationMatch;
}

export interface WatchedBudget {
  readonly kind: 'budget';
  /** Of the present window, spent and held. */
  readonly consumedPercent: number;
  /** When this was read: counters do not tell since when. */
  readonly at: Date;
  readonly matchable: EscalationMatch;
}

/** One that is about no task. */
export interface WatchedApproval {
  readonly kind: 'approval';
  readonly since: Date;
  readonly isPending: boolean;
  /** `agent`: whoever asked. */
  readonly matchable: EscalationMatch;
}

export type WatchedSubject = WatchedTask | WatchedAgent | WatchedBudget | WatchedApproval;

/** What a rule asks for, apart from its condition. */
export interface WatchRule {
  readonly trigger: EscalationTrigger;
  readonly match: EscalationMatch;
  /** Seconds, percent or a count; 0 where the trigger has a pattern. */
  readonly threshold: number;
  /** Of `errorPattern`. */
  readonly matchesError?: (text: string) => boolean;
}

const MS_PER_SECOND = 1_000;
const LATEST_MS = 8.64e15;

/**
 * From when on a rule holds for a subject if nothing else happens to it: in the past or in the future. Null: never, until
 * something happens.
 */
export function holdsFrom(rule: WatchRule, subject: WatchedSubject): Date | null {
  if (!looksAt(rule.trigger, subject.kind) || !matches(rule.match, subject.matchable)) return null;
  switch (subject.kind) {
    case 'task':
      return taskHoldsFrom(rule, subject);
    case 'agent':
      return subject.lastSeenAt && after(subject.lastSeenAt, rule.threshold);
    case 'budget':
      return subject.consumedPercent >= rule.threshold ? subject.at : null;
    case 'approval':
      return subject.isPending ? after(subject.since, rule.threshold) : null;
  }
}

function taskHoldsFrom(rule: WatchRule, task: WatchedTask): Date | null {
  if (!isOpenFor(rule, task.status)) return null;
  switch (rule.trigger) {
    case 'timeInStatus':
      return after(task.statusSince, rule.threshold);
    case 'approvalPending':
      return task.approvalSince && after(task.approvalSince, rule.threshold);
    case 'sloConsumed':
      return earliest(task.dueTimes.map((due) => partOf(task.createdAt, due, rule.threshold)));
    case 'failedAttempts':
      return task.failures >= rule.threshold && task.failures > 0 ? task.lastFailedAt : null;
    case 'errorPattern':
      return task.lastError !== null && rule.matchesError?.(task.lastError) ? task.lastFailedAt : null;
    case 'agentSilent':
    case 'budgetConsumed':
      return null;
  }
}

/** What failed for good is still worth telling by rules about failures; other rules look at it only when they name it. */
function isOpenFor({ trigger, match }: WatchRule, status: TaskStatus): boolean {
  if (status === 'done' || status === 'cancelled') return listed(match.status).includes(status);
  if (status !== 'failed') return true;
  return trigger === 'failedAttempts' || trigger === 'errorPattern' || listed(match.status).includes('failed');
}

/** Whether a rule is about tasks that are done or cancelled, too: only when it names them. */
export function namesFinished(match: EscalationMatch): boolean {
  return listed(match.status).some((status) => status === 'done' || status === 'cancelled');
}

const MATCH_KEYS = ['priority', 'status', 'capability', 'tag', 'agent'] as const;

export function matches(wanted: EscalationMatch, has: EscalationMatch): boolean {
  return MATCH_KEYS.every((key) => {
    const values = wanted[key];
    return values === undefined || listed(values).some((value) => listed(has[key]).includes(value));
  });
}

function listed(values: OneOrMany | undefined): readonly string[] {
  return typeof values === 'string' ? [values] : (values ?? []);
}

function after(since: Date, seconds: number): Date {
  return new Date(Math.min(since.getTime() + seconds * MS_PER_SECOND, LATEST_MS));
}

/** When this part of the time between both has passed. */
function partOf(start: Date, end: Date, percent: number): Date {
  const whole = end.getTime() - start.getTime();
  return new Date(Math.min(start.getTime() + Math.ceil((whole * percent) / 100), LATEST_MS));
}

function earliest(times: readonly Date[]): Date | null {
  return times.length === 0 ? null : new Date(Math.min(...times.map((time) => time.getTime())));
}

/** How far a watch has come. */
export interface WatchState {
  /** Firings since the rule began to hold. */
  readonly depth: number;
  readonly cooldownUntil: Date | null;
}

export interface Pace {
  readonly cooldownSeconds: number;
  readonly maxDepth: number;
}

/** What is done about a watch. `dueAt` null: nothing is left to watch. */
export type WatchVerdict =
  | { readonly kind: 'raise'; readonly level: number; readonly dueAt: Date; readonly cooldownUntil: Date }
  | { readonly kind: 'wait'; readonly dueAt: Date }
  | { readonly kind: 'leave'; readonly resolves: boolean; readonly dueAt: Date | null };

/** A rule that has fired as often as it may is looked at again no sooner than this, to see whether it still holds. */
const LEAST_LOOK_SECONDS = 60;

/**
 * What a look at a watch comes to.
 *
 * @param from as `holdsFrom` says
 * @param isTrue what its condition says, asked only when the rule holds otherwise
 */
export function judgeWatch(
  watch: WatchState,
  pace: Pace,
  from: Date | null,
  now: Date,
  isTrue: () => boolean,
): WatchVerdict {
  const { depth, cooldownUntil } = watch;
  const isCooling = cooldownUntil !== null && cooldownUntil > now;
  if (from === null || from > now) {
    const next = from ?? (isCooling ? cooldownUntil : null);
    return { kind: 'leave', resolves: depth > 0, dueAt: next && isCooling ? latest(next, cooldownUntil) : next };
  }
  if (!isTrue()) {
    const again = after(now, LEAST_LOOK_SECONDS);
    return { kind: 'leave', resolves: depth > 0, dueAt: again };
  }
  if (isCooling) return { kind: 'wait', dueAt: cooldownUntil };
  if (depth >= pace.maxDepth)
    return { kind: 'wait', dueAt: after(now, Math.max(pace.cooldownSeconds, LEAST_LOOK_SECONDS)) };
  const cooldown = after(now, pace.cooldownSeconds);
  return { kind: 'raise', level: depth + 1, dueAt: cooldown, cooldownUntil: cooldown };
}

function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
