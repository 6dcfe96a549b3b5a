import fc from 'fast-check';
import { projectExhaustion } from './projection.js';

const HOUR_MS = 3_600_000;
const windowStart = new Date('2026-11-02T00:00:00Z');
const windowEnd = new Date('2026-11-03T00:00:00Z');
const after = (hours: number) => new Date(windowStart.getTime() + hours * HOUR_MS);

describe('projected exhaustion', () => {
  it('extends the average rate of the window in a straight line', () => {
    const projected = projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 50n, now: after(6) });
    expect(projected).toEqual(after(12));
  });

  it('says nothing when the budget outlasts its window, to the millisecond', () => {
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 25n, now: after(6) })).toBeNull();
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 99n, spentNano: 25n, now: after(6) })).not.toBeNull();
  });

  it('looks ahead without end where the window has none', () => {
    const projected = projectExhaustion({
      windowStart,
      windowEnd: null,
      limitNano: 100n,
      spentNano: 25n,
      now: after(6),
    });
    expect(projected).toEqual(after(24));
  });

  it('says nothing when the date lies beyond what a date can hold', () => {
    expect(
      projectExhaustion({ windowStart, windowEnd: null, limitNano: 10n ** 18n, spentNano: 1n, now: after(6) }),
    ).toBeNull();
  });

  it('says nothing before anything is spent, at the first instant, or after the window', () => {
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 0n, now: after(6) })).toBeNull();
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 5n, now: windowStart })).toBeNull();
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 99n, now: windowEnd })).toBeNull();
  });

  it('answers with now when the limit is reached or passed', () => {
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 100n, now: after(6) })).toEqual(
      after(6),
    );
    expect(projectExhaustion({ windowStart, windowEnd, limitNano: 100n, spentNano: 900n, now: after(6) })).toEqual(
      after(6),
    );
  });

  it('never answers with the past, nor with an instant at or after the end', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 18n });
    fc.assert(
      fc.property(
        amount,
        amount,
        fc.integer({ min: -HOUR_MS, max: 25 * HOUR_MS }),
        (limitNano, spentNano, offsetMs) => {
          const now = new Date(windowStart.getTime() + offsetMs);
          const projected = projectExhaustion({ windowStart, windowEnd, limitNano, spentNano, now });
          if (projected === null) return;
          expect(projected >= now).toBe(true);
          expect(projected < windowEnd).toBe(true);
        },
      ),
    );
  });
});
