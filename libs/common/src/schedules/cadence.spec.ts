import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { type Cadence, nextTicks } from './cadence.js';
import { readCron } from './cron-expression.js';

const cadence = (cron: string, timezone = 'UTC', more: Partial<Cadence> = {}): Cadence => ({
  ...{ cron, timezone, everySeconds: null, anchorAt: new Date(0), offsetMinutes: 0 },
  ...more,
});
const ticks = (cron: string, timezone: string, after: string, count: number) =>
  nextTicks(cadence(cron, timezone), new Date(after), count).map((at) => at.toISOString().replace(':00.000Z', 'Z'));
const localTicks = (cron: string, timezone: string, after: string, count: number) =>
  nextTicks(cadence(cron, timezone), new Date(after), count).map((at) =>
    DateTime.fromJSDate(at, { zone: timezone }).toFormat('MM-dd HH:mm ZZ'),
  );

/** What the library says, asked again after each answer. */
function libraryTicks(cron: string, tz: string, after: Date, count: number): Date[] {
  const expression = CronExpressionParser.parse(cron, { tz, currentDate: after });
  return Array.from({ length: count }, () => expression.next().toDate());
}

/** Zones that change by an hour, away from midnight, with such days of 2026 and 2027. */
const CHANGES = [
  ['Europe/Berlin', '2027-03-28', '2027-10-31'],
  ['America/New_York', '2027-03-14', '2027-11-07'],
  ['Australia/Sydney', '2026-10-04', '2027-04-04'],
  ['America/St_Johns', '2027-03-14', '2027-11-07'],
  ['Africa/Casablanca', '2027-03-14', '2027-02-07'],
] as const;

const field = (least: number, most: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    fc.integer({ min: least, max: most }).map(String),
    fc.integer({ min: 2, max: 12 }).map((step) => `*/${step}`),
    fc
      .tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 2, maxLength: 4 }).map((list) => list.join(',')),
  );
/** Days up to the 28th: every month has them. */
const expressions = fc
  .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
  .map((fields) => fields.join(' '));

describe('a cron expression', () => {
  it('means what the library says where the clocks never change', () => {
    fc.assert(
      fc.property(
        expressions,
        fc.date({ min: new Date('2026-01-01'), max: new Date('2032-01-01'), noInvalidDate: true }),
        (cron, after) => {
          expect(nextTicks(cadence(cron), after, 10)).toEqual(libraryTicks(cron, 'UTC', after, 10));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('means what the library says on the days on which the clocks of several zones change', () => {
    const times = fc
      .tuple(field(0, 59), fc.oneof(fc.constant('*'), field(0, 4)))
      .map((fields) => `${fields.join(' ')} * * *`);
    fc.assert(
      fc.property(times, fc.constantFrom(...CHANGES), fc.boolean(), (cron, [zone, forward, back], isForward) => {
        const after = DateTime.fromISO(isForward ? forward : back, { zone })
          .minus({ hours: 6 })
          .toJSDate();
        expect(nextTicks(cadence(cron, zone), after, 40)).toEqual(libraryTicks(cron, zone, after, 40));
      }),
      { numRuns: 150 },
    );
  });

  it('goes on from any of its ticks as it would have gone on before', () => {
    fc.assert(
      fc.property(expressions, fc.constantFrom(...CHANGES), fc.integer({ min: 0, max: 11 }), (cron, [zone, day], n) => {
        const after = DateTime.fromISO(day, { zone }).minus({ hours: 4 }).toJSDate();
        const all = nextTicks(cadence(cron, zone), after, 16);
        expect(nextTicks(cadence(cron, zone), all[n]!, 4)).toEqual(all.slice(n + 1, n + 5));
        expect(all.every((tick, i) => i === 0 || tick > all[i - 1]!)).toBe(true);
      }),
    );
  });

  it('in a gap happens once, within the hour after the change', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z', 2)).toEqual([
      '2027-03-28T01:30Z',
      '2027-03-29T00:30Z',
    ]);
    expect(ticks('0 2,3 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z', 2)).toEqual([
      '2027-03-28T01:00Z',
      '2027-03-29T00:00Z',
    ]);
  });

  it('in a gap at midnight, of half an hour, or before midnight is not forgotten', () => {
    expect(localTicks('30 0 * * *', 'America/Havana', '2027-03-13T12:00:00Z', 2)).toEqual([
      '03-14 01:30 -04:00',
      '03-15 00:30 -04:00',
    ]);
    expect(localTicks('30 0 * * 0', 'Asia/Beirut', '2027-03-22T12:00:00Z', 2)).toEqual([
      '03-28 01:30 +03:00',
      '04-04 00:30 +03:00',
    ]);
    expect(localTicks('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z', 2)).toEqual([
      '10-04 02:45 +11:00',
      '10-05 02:15 +11:00',
    ]);
    const nuuk = localTicks('0,30 0,23 * * *', 'America/Nuuk', '2027-03-27T12:00:00Z', 5);
    expect(nuuk).toEqual([
      '03-28 00:00 -01:00',
      '03-28 00:30 -01:00',
      '03-28 23:00 -01:00',
      '03-28 23:30 -01:00',
      '03-29 00:00 -01:00',
    ]);
  });

  it('in an overlap happens the first time only, whenever one asks', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00:00Z', 2)).toEqual([
      '2027-10-31T00:30Z',
      '2027-11-01T01:30Z',
    ]);
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2027-10-31T01:15:00Z', 1)).toEqual(['2027-11-01T01:30Z']);
    expect(ticks('45 1 * * *', 'Australia/Lord_Howe', '2027-04-03T00:00:00Z', 2)).toEqual([
      '2027-04-03T14:45Z',
      '2027-04-04T15:15Z',
    ]);
  });

  it('of every hour goes on through an overlap', () => {
    expect(ticks('0 * * * *', 'Europe/Berlin', '2027-10-30T23:30:00Z', 3)).toEqual([
      '2027-10-31T00:00Z',
      '2027-10-31T01:00Z',
      '2027-10-31T02:00Z',
    ]);
  });

  it('of the 29th of February waits for its year, also over the one that is no leap year', () => {
    expect(ticks('0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', 1)).toEqual(['2104-02-29T00:00Z']);
  });

  it.each(['0 0 30 2 *', '0 0 31 2 *', '0 0 31 4,6,9,11 *'])(
    'that never comes is refused, or has no ticks: %s',
    (cron) => {
      const comes = readCron(cron).ok && nextTicks(cadence(cron), new Date('2027-01-01'), 1).length > 0;
      expect(comes).toBe(false);
    },
  );

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '@daily',
    '60 * * * *',
    '* 24 * * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '0 0 0 * *',
    'H * * * *',
    '0 0 L * *',
    '0 0 ? * *',
    'a b c d e',
    '0 0 * * MON#1',
    '\u0000 * * * *',
  ])('is refused when it is none of five fields: %j', (cron) => {
    expect(readCron(cron)).toMatchObject({ ok: false });
  });
});

describe('an interval', () => {
  const every = (everySeconds: number, more: Partial<Cadence> = {}) =>
    cadence('', 'UTC', { cron: null, everySeconds, ...more });

  it('is first due one interval after its beginning, and has no drift', () => {
    const anchorAt = new Date('2027-01-01T00:00:00.250Z');
    const [first, second] = nextTicks(every(90, { anchorAt }), anchorAt, 2);
    expect([first, second].map((at) => at!.getTime() - anchorAt.getTime())).toEqual([90_000, 180_000]);
    expect(nextTicks(every(90, { anchorAt }), new Date('2027-06-01'), 1)[0]!.getTime() % 90_000).toBe(
      anchorAt.getTime() % 90_000,
    );
  });

  it('is moved by its offset', () => {
    const anchorAt = new Date('2027-01-01T00:00:00Z');
    expect(nextTicks(every(600, { anchorAt, offsetMinutes: 3 }), anchorAt, 1)).toEqual([
      new Date('2027-01-01T00:13:00Z'),
    ]);
    expect(nextTicks(cadence('0 * * * *', 'UTC', { offsetMinutes: 3 }), new Date('2027-01-01T00:02:59Z'), 2)).toEqual([
      new Date('2027-01-01T00:03:00Z'),
      new Date('2027-01-01T01:03:00Z'),
    ]);
  });
});
