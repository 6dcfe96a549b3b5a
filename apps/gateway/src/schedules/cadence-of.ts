import { type Cadence, nextTicks } from '@houston/common/schedules/cadence.js';
import { readCron } from '@houston/common/schedules/cron-expression.js';
import { invalid } from '../http/problem.js';
import type { ScheduleRow } from './schedule.row.js';

export type CadenceColumns = Pick<ScheduleRow, 'cron' | 'every_seconds' | 'timezone' | 'anchor_at' | 'offset_minutes'>;

export function cadenceOf(row: CadenceColumns): Cadence {
  return {
    cron: row.cron,
    everySeconds: row.every_seconds,
    timezone: row.timezone,
    anchorAt: row.anchor_at,
    offsetMinutes: row.offset_minutes,
  };
}

/** Exactly one of both, and it comes. @throws Problem invalid_values */
export function requireCadence(cadence: Cadence, from: Date): void {
  const { cron, everySeconds } = cadence;
  if ((cron === null) === (everySeconds === null)) {
    throw invalid(cron === null ? 'cron' : 'everySeconds', 'Give exactly one of cron and everySeconds.');
  }
  if (cron === null) return;
  const read = readCron(cron);
  if (!read.ok) throw invalid('cron', read.problem);
  if (nextTicks(cadence, from, 1).length === 0) throw invalid('cron', 'No such day ever comes.');
}
