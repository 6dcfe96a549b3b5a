/** From putting a task in until it reaches an agent. */
const ASSIGNED_WITHIN_MS = 5_000;

/** What became of one task. */
export interface TaskOutcome {
  status: string;
  /** Null: it reached nobody. */
  assignedMs: number | null;
  /** How often it was handed out. */
  times: number;
  hasItsResult: boolean;
}

export interface Verdict {
  isFine: boolean;
  done: number;
  total: number;
  /** Null: none was assigned. */
  slowestMs: number | null;
  faults: string[];
}

/** All done, with the right result, each handed out once and in time. */
export function verdictOf(outcomes: readonly TaskOutcome[]): Verdict {
  const total = outcomes.length;
  const done = outcomes.filter(({ status, hasItsResult }) => status === 'done' && hasItsResult).length;
  const assigned = outcomes.flatMap(({ assignedMs }) => (assignedMs === null ? [] : [assignedMs]));
  const faults = [
    ...(done < total ? [`${total - done} are not done: ${statusesOf(outcomes)}.`] : []),
    ...(assigned.some((ms) => ms > ASSIGNED_WITHIN_MS) ? [`Some took longer than ${ASSIGNED_WITHIN_MS} ms.`] : []),
    ...(outcomes.some(({ times }) => times > 1) ? ['Some were handed out twice.'] : []),
  ];
  const slowestMs = assigned.length === 0 ? null : Math.max(...assigned);
  return { isFine: total > 0 && faults.length === 0, done, total, slowestMs, faults };
}

export function linesOf({ isFine, done, total, slowestMs, faults }: Verdict): string[] {
  return [
    `${done}/${total} done`,
    slowestMs === null
      ? 'No task reached an agent.'
      : `slowest assignment ${slowestMs.toFixed(0)} ms (at most ${ASSIGNED_WITHIN_MS} ms)`,
    ...faults,
    isFine ? 'All is well.' : 'Something is wrong.',
  ];
}

function statusesOf(outcomes: readonly TaskOutcome[]): string {
  return [...new Set(outcomes.map(({ status }) => status).filter((status) => status !== 'done'))].join(', ');
}
