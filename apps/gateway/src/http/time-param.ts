import { DateTime } from 'luxon';
import { invalid } from './problem.js';

const FIRST_YEAR = 1971;
const LAST_YEAR = 2500;

/**
 * A time in a query.
 *
 * @param zone where it is when it has no offset
 * @throws Problem invalid_values
 */
export function timeParam(name: string, text: string, zone = 'UTC'): DateTime {
  const at = DateTime.fromISO(text, { zone });
  if (at.isValid && at.year >= FIRST_YEAR && at.year <= LAST_YEAR) return at;
  throw invalid(name, `Give a time such as 2026-11-21T09:30:00Z between ${FIRST_YEAR} and ${LAST_YEAR}.`);
}
