/** What happens to the ticks that came while nobody was there. */
export const CATCH_UPS = ['none', 'one', 'all'] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

/** A tick that is later than this has been missed. */
export const MISSED_AFTER_SECONDS = 60;
/** `all` makes up for this many, the latest. */
export const MAX_CAUGHT_UP = 100;
/** A longer absence is worked through in several steps. */
const MAX_TICKS_PER_PLAN = 100_000;
const MS_PER_SECOND = 1_000;

export interface TickPlan {
  /** To be run, ascending. */
  fire: Date[];
  /** Never to be run. */
  missed: { from: Date; until: Date; count: number } | null;
  /** When the schedule is due next; null: never again. Not after `now`: there are more to plan. */
  next: Date | null;
}

/**
 * Decides about the ticks that have come.
 *
 * - `none`: the latest runs unless it was missed, and those before it are missed.
 * - `one`: the latest runs however late it is.
 * - `all`: the latest 100 run.
 *
 * @param ticks ascending, from the first that nobody has decided about
 */
export function planTicks(ticks: Iterable<Date>, now: Date, catchUp: CatchUp, maxTicks = MAX_TICKS_PER_PLAN): TickPlan {
  const latest: Date[] = [];
  let first: Date | null = null;
  let lastMissed: Date | null = null;
  let count = 0;
  let next: Date | null = null;
  for (const tick of ticks) {
    if (tick > now || count === maxTicks) {
      next = tick;
      break;
    }
    first ??= tick;
    count += 1;
    latest.push(tick);
    if (latest.length > keptOf(catchUp)) lastMissed = latest.shift() ?? null;
  }
  const isLate = (tick: Date) => now.getTime() - tick.getTime() > MISSED_AFTER_SECONDS * MS_PER_SECOND;
  const last = latest.at(-1);
  const more = next !== null && next <= now;
  if (last !== undefined && (more || (catchUp === 'none' && isLate(last)))) {
    return { fire: [], missed: first && { from: first, until: last, count }, next };
  }
  const missed = first && lastMissed ? { from: first, until: lastMissed, count: count - latest.length } : null;
  return { fire: latest, missed, next };
}

function keptOf(catchUp: CatchUp): number {
  return catchUp === 'all' ? MAX_CAUGHT_UP : 1;
}
