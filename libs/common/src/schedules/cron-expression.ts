import { CronExpressionParser } from 'cron-parser';
import type { CronFields } from '../domain/cron-ticks.js';

export type ReadCron = { ok: true; fields: CronFields } | { ok: false; problem: string };

const MAX_LENGTH = 200;
const FIELDS = 5;
/** Numbers, names of months and days, lists, ranges and steps. No macros, seconds, `L`, `#`, `?` or `H`. */
const FIELD =
  /^(\*|[0-9]+(-[0-9]+)?|[a-z]{3}(-[a-z]{3})?)(\/[0-9]+)?(,(\*|[0-9]+(-[0-9]+)?|[a-z]{3}(-[a-z]{3})?)(\/[0-9]+)?)*$/i;

/** Reads minute, hour, day of month, month and day of week. Whether it ever comes is another question. */
export function readCron(expression: string): ReadCron {
  const fields = expression.trim().split(/\s+/);
  if (expression.length > MAX_LENGTH || fields.length !== FIELDS || !fields.every((field) => FIELD.test(field))) {
    return {
      ok: false,
      problem: 'Write five fields: minute, hour, day of month, month, day of week; such as "30 9 * * MON-FRI".',
    };
  }
  try {
    return { ok: true, fields: fieldsOf(fields) };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function fieldsOf(written: string[]): CronFields {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = CronExpressionParser.parse(written.join(' ')).fields;
  return {
    minutes: numbers(minute.values),
    hours: numbers(hour.values),
    daysOfMonth: numbers(dayOfMonth.values),
    months: numbers(month.values),
    // The library keeps Sunday as 0 and as 7.
    daysOfWeek: [...new Set(numbers(dayOfWeek.values).map((day) => day % 7))].sort((a, b) => a - b),
    anyDayOfMonth: dayOfMonth.isWildcard,
    anyDayOfWeek: dayOfWeek.isWildcard,
  };
}

function numbers(values: readonly (number | string)[]): number[] {
  return values.map(Number);
}
