import { IANAZone } from 'luxon';
import { cronTicks } from '../domain/cron-ticks.js';
import { readCron } from './cron-expression.js';

/** When a schedule is due. Exactly one of `cron` and `everySeconds`. */
export interface Cadence {
  cron: string | null;
  everySeconds: number | null;
  /** IANA zone in which the expression is meant. */
  timezone: string;
  /** Where the intervals are counted from. */
  anchorAt: Date;
  /** Every tick is this much later than the expression says, so that many schedules of one expression do not meet. */
  offsetMinutes: number;
}

const MS_PER_SECOND = 1_000;
const MS_PER_MINUTE = 60_000;

/** The moments at which it is due, ascending, after a moment; none when it never comes. @throws when it cannot be read */
export function* ticksAfter(cadence: Cadence, after: Date): Generator<Date, void> {
  const offsetMs = cadence.offsetMinutes * MS_PER_MINUTE;
  const from = after.getTime() - offsetMs;
  for (const tick of cadence.cron === null ? intervalTicks(cadence, from) : expressionTicks(cadence, from)) {
    yield new Date(tick + offsetMs);
  }
}

/** @param count how many, at the most */
export function nextTicks(cadence: Cadence, after: Date, count: number): Date[] {
  const ticks: Date[] = [];
  if (count <= 0) return ticks;
  for (const tick of ticksAfter(cadence, after)) {
    ticks.push(tick);
    if (ticks.length === count) break;
  }
  return ticks;
}

function* intervalTicks({ everySeconds, anchorAt }: Cadence, after: number): Generator<number, void> {
  const every = (everySeconds ?? 0) * MS_PER_SECOND;
  if (every <= 0) throw new Error('A schedule has neither an expression nor an interval');
  const anchor = anchorAt.getTime();
  const first = Math.max(1, Math.floor((after - anchor) / every) + 1);
  for (let n = first; ; n += 1) yield anchor + n * every;
}

function expressionTicks({ cron, timezone }: Cadence, after: number): Generator<number, void> {
  const read = readCron(cron ?? '');
  if (!read.ok) throw new Error(`Cron expression ${cron}: ${read.problem}`);
  const zone = IANAZone.create(timezone);
  if (!zone.isValid) throw new Error(`There is no time zone ${timezone}`);
  return cronTicks(read.fields, (at) => zone.offset(at) * MS_PER_MINUTE, after);
}
