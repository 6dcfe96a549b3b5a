import fc from 'fast-check';
import { parseRetryAfterMs } from './retry-after.js';

const now = new Date('2026-11-21T12:00:00Z');

describe('reading Retry-After', () => {
  test.each([
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5_000],
    ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['999999999999999', 365 * 24 * 3600 * 1000],
  ])('%j means %d ms', (value, expected) => expect(parseRetryAfterMs(value, now)).toBe(expected));

  test.each(['', '-1', '1.5', '1e3', '0x10', 'soon', '2026-11-21', 'Sat, 99 Nov 2026 12:01:00 GMT'])(
    '%j is not understood and changes nothing',
    (value) => expect(parseRetryAfterMs(value, now)).toBeUndefined(),
  );

  test('the first of several headers counts, and none is none', () => {
    expect(parseRetryAfterMs(['1', '2'], now)).toBe(1_000);
    expect(parseRetryAfterMs(undefined, now)).toBeUndefined();
  });

  test('no text gives anything but undefined or a sane number', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseRetryAfterMs(text, now);
        return ms === undefined || (Number.isSafeInteger(ms) && ms >= 0);
      }),
    );
  });
});
