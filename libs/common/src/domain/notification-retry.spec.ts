import fc from 'fast-check';
import { SETTINGS } from '../config/settings.js';
import { nextAttemptInMs } from './notification-retry.js';

const parsed = SETTINGS.notifyRetryScheduleMs.parse(SETTINGS.notifyRetryScheduleMs.default);
const usual = parsed.ok ? parsed.value : [];

it('waits 10 s, 30 s, 60 s, then doubles up to 15 minutes, and ends after the twentieth attempt', () => {
  const waits = Array.from({ length: 21 }, (_, index) =>
    nextAttemptInMs({ scheduleMs: usual, attempt: index + 1, random: () => 0 }),
  );
  expect(waits.slice(0, 8)).toEqual([10, 30, 60, 120, 240, 480, 900, 900].map((seconds) => seconds * 1_000));
  expect(waits[18]).toBe(900_000);
  expect(waits.slice(19)).toEqual([null, null]);
});

it('never comes sooner than the schedule or the other side says, and at most a tenth later', () => {
  const question = fc.record({
    scheduleMs: fc.array(fc.nat(86_400_000), { minLength: 1, maxLength: 30 }),
    attempt: fc.integer({ min: 1, max: 40 }),
    retryAfterMs: fc.option(fc.nat(365 * 86_400_000), { nil: undefined }),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(question, ({ scheduleMs, attempt, retryAfterMs, chance }) => {
      const waitMs = nextAttemptInMs({ scheduleMs, attempt, retryAfterMs, random: () => chance });
      if (attempt >= scheduleMs.length) return expect(waitMs).toBeNull();
      const leastMs = Math.max(scheduleMs[attempt]!, Math.min(retryAfterMs ?? 0, 3_600_000));
      expect(waitMs).toBeGreaterThanOrEqual(leastMs);
      expect(waitMs).toBeLessThanOrEqual(Math.ceil(leastMs * 1.1));
    }),
  );
});
