import type { DiaryLine } from './diary.js';
import type { Death } from './fleet.js';
import type { EscalationSeen, EventSeen, TaskSeen } from './mission.js';

/** Everything that is known when a run is over. */
export interface Evidence {
  /** How many tasks were put in. */
  put: number;
  tasks: readonly TaskSeen[];
  /** Oldest first. */
  events: readonly EventSeen[];
  diary: readonly DiaryLine[];
  deaths: readonly Death[];
  /** Tasks among the open dead letters. */
  deadTaskIds: readonly string[];
  /** Of the rule every workspace begins with: three failed attempts or more. */
  escalations: readonly EscalationSeen[];
}

/** A promise, and what speaks against it. */
export interface Verdict {
  promise: string;
  kept: boolean;
  /** Its figures when it was kept; otherwise the first few breaches. */
  detail: string;
}

const TERMINAL = ['done', 'failed', 'cancelled'];
const SHOWN = 3;
/** Failed attempts from which on somebody is told. */
const TOLD_FROM = 3;

export function judge(evidence: Evidence): Verdict[] {
  return [
    verdict('every task is terminal', unfinished(evidence), `${evidence.tasks.length} tasks`),
    verdict('each came to the end it was meant for', wrongEnds(evidence), ends(evidence)),
    verdict('none was done twice', doneTwice(evidence), `${count(evidence, 'task.completed')} completions`),
    verdict('no two agents ever held one lease', sharedLeases(evidence), `${count(evidence, 'task.assigned')} leases`),
    verdict('each effect happened once per fence', repeatedEffects(evidence), `${lines(evidence, 'effect')} effects`),
    verdict('whoever was too late was refused', acceptedLate(evidence), `${lines(evidence, 'refused')} refused`),
    verdict('whoever had to be told of failures was, once', wrongEscalations(evidence), told(evidence)),
    verdict('nothing was stuck when its agent fell silent', stuck(evidence), `${evidence.deaths.length} silences`),
  ];
}

/** How long it took from each silence in the middle of a task, in ms, ascending. */
export interface Recoveries {
  /** Until the task was free to be taken. */
  freeMs: number[];
  /** Until somebody had taken it; tasks of higher priority go first. */
  takenMs: number[];
}

export function recoveries(evidence: Evidence): Recoveries {
  const cases = interrupted(evidence);
  const since = (name: 'free' | 'again') =>
    cases
      .flatMap((one) => {
        const event = one[name];
        return event === undefined ? [] : [Date.parse(event.time) - one.death.at];
      })
      .sort((a, b) => a - b);
  return { freeMs: since('free'), takenMs: since('again') };
}

/** @param ascending not empty */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.ceil(ascending.length * share) - 1)] ?? Number.NaN;
}

function unfinished({ put, tasks }: Evidence): string[] {
  const lost = put - tasks.length;
  const open = tasks.filter((task) => !TERMINAL.includes(task.status));
  return [
    ...(lost === 0 ? [] : [`${lost} are missing`]),
    ...open.map((task) => `task ${task.payload.n}: ${task.status}`),
  ];
}

function wrongEnds({ tasks, deadTaskIds }: Evidence): string[] {
  const dead = new Set(deadTaskIds);
  return tasks.flatMap(({ id, status, payload }) => {
    const meant = payload.fate === 'done' ? 'done' : 'failed';
    if (status !== meant) return [`task ${payload.n}: ${status} instead of ${meant}`];
    return dead.has(id) === (meant === 'failed') ? [] : [`task ${payload.n}: ${meant}, and its dead letter is wrong`];
  });
}

function doneTwice({ tasks, events, diary }: Evidence): string[] {
  const completions = events.filter((event) => event.type === 'task.completed');
  return tasks.flatMap((task) => {
    const mine = completions.filter((event) => event.data['taskId'] === task.id);
    const meant = task.status === 'done' ? 1 : 0;
    if (mine.length !== meant) return [`task ${task.payload.n}: ${mine.length} completions`];
    if (meant === 0) return [];
    const fence = Number(mine[0]!.data['fence']);
    const wasDone = diary.some((line) => line.what === 'effect' && line.taskId === task.id && line.fence === fence);
    const told = (task.result as { fence?: number } | null)?.fence;
    return wasDone && told === fence ? [] : [`task ${task.payload.n}: its result is not that of its last lease`];
  });
}

function sharedLeases({ tasks, events, diary }: Evidence): string[] {
  const assigned = grouped(
    events.filter((event) => event.type === 'task.assigned'),
    (event) => String(event.data['taskId']),
  );
  const gaps = tasks.flatMap((task) => {
    const fences = (assigned.get(task.id) ?? []).map((event) => Number(event.data['fence']));
    return fences.every((fence, n) => fence === n + 1) ? [] : [`task ${task.payload.n}: fences ${fences.join(', ')}`];
  });
  const holders = grouped(
    diary.filter((line) => line.what === 'taken'),
    (line) => `${line.taskId} ${line.fence}`,
  );
  return [
    ...gaps,
    ...[...holders].flatMap(([lease, taken]) => (taken.length === 1 ? [] : [`${lease}: ${taken.length} holders`])),
  ];
}

function repeatedEffects({ diary }: Evidence): string[] {
  const effects = grouped(
    diary.filter((line) => line.what === 'effect'),
    (line) => `${line.taskId} ${line.fence}`,
  );
  return [...effects].flatMap(([lease, done]) => (done.length === 1 ? [] : [`${lease}: ${done.length} times`]));
}

/** Whoever stood still past its lease must have been told so. */
function acceptedLate({ diary }: Evidence): string[] {
  return diary
    .filter((line) => line.what === 'accepted' && line.mischief === 'hangs')
    .map((line) => `task ${line.taskId} at fence ${line.fence} by ${line.agent}`);
}

/** A task that was done soon after its third failure may have been looked at in between, or not. */
function wrongEscalations({ tasks, events, escalations }: Evidence): string[] {
  const failures = grouped(
    events.filter(({ type }) => ['task.failed', 'lease.lost', 'task.dead'].includes(type)),
    (event) => String(event.data['taskId']),
  );
  return tasks.flatMap(({ id, status, payload }) => {
    const failed = new Set((failures.get(id) ?? []).map((event) => event.data['fence'])).size;
    const raised = escalations.filter((one) => one.taskId === id).length;
    const most = failed >= TOLD_FROM ? 1 : 0;
    const least = status === 'failed' ? most : 0;
    return raised >= least && raised <= most ? [] : [`task ${payload.n}: ${failed} failures, raised ${raised} times`];
  });
}

function told({ escalations }: Evidence): string {
  return `${escalations.length} escalations`;
}

function stuck(evidence: Evidence): string[] {
  return interrupted(evidence).flatMap(({ line, again }) =>
    again === undefined ? [`task ${line.taskId} after fence ${line.fence}`] : [],
  );
}

/** Leases whose holder fell silent before the attempt had ended, with the lease that followed. */
function interrupted({ diary, deaths, events }: Evidence) {
  const byLease = (types: readonly string[]) =>
    new Map(events.filter(({ type }) => types.includes(type)).map((event) => [leaseOf(event.data as never), event]));
  const ended = byLease(['task.completed', 'task.failed', 'task.dead']);
  const assigned = byLease(['task.assigned']);
  const lost = byLease(['lease.lost']);
  const letGo = new Set(diary.filter((line) => line.what === 'lost' || line.what === 'refused').map(leaseOf));
  return diary.flatMap((line) => {
    const given = assigned.get(leaseOf(line));
    if (line.what !== 'taken' || given === undefined || ended.has(leaseOf(line))) return [];
    const death = deaths.find(
      (one) =>
        one.pid === line.pid && one.at >= Date.parse(given.time) && isCutShort(line, one, letGo.has(leaseOf(line))),
    );
    const again = assigned.get(leaseOf({ ...line, fence: line.fence + 1 }));
    return death === undefined ? [] : [{ death, line, free: lost.get(leaseOf(line)), again }];
  });
}

/** Nobody was cut short who was deaf or had let go; who stands still may wake in time for its other tasks. */
function isCutShort({ mischief }: DiaryLine, { kind }: Death, hasLetGo: boolean): boolean {
  return kind === 'stood still' ? mischief === 'hangs' : !hasLetGo && mischief !== 'deaf' && mischief !== 'hangs';
}

function leaseOf({ taskId, fence }: { taskId: string; fence: number }): string {
  return `${taskId} ${fence}`;
}

function ends({ tasks }: Evidence): string {
  return TERMINAL.map((status) => `${tasks.filter((task) => task.status === status).length} ${status}`).join(', ');
}

function count({ events }: Evidence, type: string): number {
  return events.filter((event) => event.type === type).length;
}

function lines({ diary }: Evidence, what: DiaryLine['what']): number {
  return diary.filter((line) => line.what === what).length;
}

function verdict(promise: string, breaches: readonly string[], figures: string): Verdict {
  const more = breaches.length > SHOWN ? ` and ${breaches.length - SHOWN} more` : '';
  const detail = breaches.length === 0 ? figures : breaches.slice(0, SHOWN).join('; ') + more;
  return { promise, kept: breaches.length === 0, detail };
}

function grouped<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
