/** A cron expression of five fields, each as the set of its values, ascending. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  /** 1 is January. */
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  /** The field begins with `*`. When neither does, a day that either of them names is meant, as cron has always done. */
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
}

/** How far the clocks of a zone are ahead of UTC at a moment; both in milliseconds. */
export type OffsetAt = (atMs: number) => number;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HOURS_PER_DAY = 24;
/** 29 February can be eight years away. */
const HORIZON_MS = 9 * 366 * DAY;
/** A change of the clocks this near to a day concerns it. */
const MARGIN_MS = 3 * HOUR;

/**
 * The moments that an expression names, ascending, after `afterMs`. It ends when none comes within nine years.
 *
 * Where the clocks are put forward, what falls into the gap happens as long after the change as it lies within the gap, and
 * within an hour. Where they are put back, what falls into the overlap happens the first time only; an expression of every
 * hour goes on in both, because it means the time that passes rather than an hour of the day.
 */
export function* cronTicks(fields: CronFields, offsetAt: OffsetAt, afterMs: number): Generator<number, void> {
  const local = afterMs + offsetAt(afterMs);
  let day = local - (((local % DAY) + DAY) % DAY) - DAY;
  let last = afterMs;
  let spilled: number[] = [];
  for (let end = day + HORIZON_MS; day <= end; day += DAY) {
    const matches = isDay(fields, day);
    if (!matches && spilled.length === 0) continue;
    const clocks = clocksOf(offsetAt, day);
    const named = matches ? momentsOf(fields, clocks, day) : [];
    const nextDay = day + DAY - Math.max(clocks.before, clocks.after);
    const moments = [...spilled, ...named].sort((a, b) => a - b);
    for (const moment of moments) {
      if (moment >= nextDay || moment <= last) continue;
      yield moment;
      last = moment;
      end = day + HORIZON_MS;
    }
    // A gap before midnight moves some of a day's moments among those of the next.
    spilled = moments.filter((moment) => moment >= nextDay);
  }
}

/** @param day local midnight, as if it were UTC */
function isDay(fields: CronFields, day: number): boolean {
  const date = new Date(day);
  if (!fields.months.includes(date.getUTCMonth() + 1)) return false;
  const inMonth = fields.daysOfMonth.includes(date.getUTCDate());
  const inWeek = fields.daysOfWeek.includes(date.getUTCDay());
  return fields.anyDayOfMonth || fields.anyDayOfWeek ? inMonth && inWeek : inMonth || inWeek;
}

/** The clocks around one local day: put from `before` to `after` at `changeAt`, which is the day's beginning when they are not. */
interface Clocks {
  before: number;
  after: number;
  changeAt: number;
}

function clocksOf(offsetAt: OffsetAt, day: number): Clocks {
  const roughly = offsetAt(day);
  let from = day - roughly - MARGIN_MS;
  let to = day - roughly + DAY + MARGIN_MS;
  const before = offsetAt(from);
  const after = offsetAt(to);
  if (before === after) return { before, after, changeAt: day - before };
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (offsetAt(middle) === before) from = middle;
    else to = middle;
  }
  return { before, after, changeAt: to };
}

function momentsOf(fields: CronFields, clocks: Clocks, day: number): number[] {
  const bothTimes = fields.hours.length === HOURS_PER_DAY;
  return fields.hours.flatMap((hour) =>
    fields.minutes.flatMap((minute) => momentsAt(day + hour * HOUR + minute * MINUTE, clocks, bothTimes)),
  );
}

/** @param local a time on the wall, as if it were UTC */
function momentsAt(local: number, { before, after, changeAt }: Clocks, bothTimes: boolean): number[] {
  const endsBefore = changeAt + before;
  const beginsAfter = changeAt + after;
  if (local >= endsBefore && local < beginsAfter) {
    const within = local - endsBefore;
    return [changeAt + (within < HOUR ? within : 0)];
  }
  if (local >= endsBefore) return [local - after];
  if (local >= beginsAfter && bothTimes) return [local - before, local - after];
  return [local - before];
}
