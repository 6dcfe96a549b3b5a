import type { Parsed } from './setting.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MOST_MS = 30 * 86_400_000;

/** Reads `5s`, `250ms`, `30m`, `2h` or `1d` as milliseconds; at most 30 days. */
export function durationMs(text: string): Parsed<number> {
  const mend = 'write a whole number and a unit: 250ms, 5s, 30m, 2h or 1d';
  const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return { ok: false, wrong: 'is not a duration', mend };
  const value = Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? NaN);
  if (!(value <= MOST_MS)) return { ok: false, wrong: 'is longer than 30 days', mend };
  return { ok: true, value };
}
