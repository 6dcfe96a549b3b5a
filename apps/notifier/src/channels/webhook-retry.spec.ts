import fc from 'fast-check';
import { decideRetry } from './webhook-retry.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const SCHEDULE = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
const now = new Date('2026-11-21T12:00:00Z');
const failed = (retryAfterMs?: number) => ({ kind: 'failed' as const, retryAfterMs });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const waitMs = (attempt: number, at: number, retryAfterMs?: number, scheduleMs: number[] = SCHEDULE) => {
  const decision = decideRetry({ scheduleMs, attempt, outcome: failed(retryAfterMs), now, random: () => at });
  return 'next' in decision ? decision.next.getTime() - now.getTime() : Number.NaN;
};

describe('deciding on the next attempt', () => {
  test('each wait lies within a fifth of its step, and reaches both ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: SCHEDULE.length - 1 }), random, (attempt, at) => {
        const stepMs = SCHEDULE[attempt]!;
        return waitMs(attempt, at) >= 0.8 * stepMs && waitMs(attempt, at) <= 1.2 * stepMs;
      }),
    );
    expect(waitMs(1, 0)).toBe(4 * SECOND);
    expect(waitMs(1, 0.5)).toBe(5 * SECOND);
    expect(waitMs(1, 1 - Number.EPSILON)).toBe(6 * SECOND);
  });

  test('a wish of the endpoint is met exactly, but never under one step nor over two', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), random, fc.nat({ max: 100 * HOUR }), (attempt, at, wishMs) => {
        const stepMs = SCHEDULE[attempt]!;
        const wait = waitMs(attempt, at, wishMs);
        const isWithin = wait >= stepMs && wait <= 2 * stepMs;
        return isWithin && (wishMs < stepMs || wishMs > 2 * stepMs || wait === wishMs);
      }),
    );
    expect(waitMs(1, 0, 1)).toBe(5 * SECOND);
    expect(waitMs(1, 0, 7 * SECOND)).toBe(7 * SECOND);
    expect(waitMs(1, 0, HOUR)).toBe(10 * SECOND);
  });

  test('after the last entry of the schedule there is no further attempt', () => {
    const ask = (attempt: number) =>
      decideRetry({ scheduleMs: SCHEDULE, attempt, outcome: failed(), now, random: () => 0 });
    expect(ask(9)).toHaveProperty('next');
    expect(ask(10)).toEqual({ exhausted: true });
    expect(ask(11)).toEqual({ exhausted: true });
  });

  test('an endpoint that is gone is disabled, whatever attempts are left', () => {
    for (const attempt of [1, 9, 10]) {
      const decision = decideRetry({ scheduleMs: SCHEDULE, attempt, outcome: { kind: 'gone' }, now, random: () => 0 });
      expect(decision).toEqual({ disabled: true });
    }
  });

  test('a step of nothing is due at once, even when the endpoint asks for more', () => {
    expect(waitMs(1, 0.9, undefined, [0, 0])).toBe(0);
    expect(waitMs(1, 0.9, HOUR, [0, 0])).toBe(0);
  });
});
