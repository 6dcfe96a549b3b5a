import fc from 'fast-check';
import { DateTime } from 'luxon';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';

type Period = 'day' | 'week' | 'month' | 'total';

interface Moment {
  zone: string;
  period: Exclude<Period, 'total'>;
  weekStart: number;
  at: Date;
}

interface Window {
  window_start: Date;
  window_end: Date;
}

// Years past: of the future, the zone databases of Node and Postgres may know different laws.
const YEARS = Array.from({ length: 8 }, (_, n) => 2017 + n);

describe('budget windows', () => {
  let test: TestDatabase;
  let zones: string[];

  beforeAll(async () => {
    test = await openTestDatabase();
    zones = await zonesOfOneMind(test);
  }, 60_000);
  afterAll(() => test.close());

  const windowsOf = (moments: Moment[]): Promise<Window[]> =>
    test.dataSource.query(
      `select w.* from unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[]) with ordinality as m(period, zone, week_start, at, n)
        cross join lateral budget_window(m.period, m.zone, m.week_start, m.at) w order by m.n`,
      [
        moments.map((moment) => moment.period),
        moments.map((moment) => moment.zone),
        moments.map((moment) => moment.weekStart),
        moments.map((moment) => moment.at.toISOString()),
      ],
    );

  const moment = (): fc.Arbitrary<Moment> =>
    fc
      .record({
        zone: fc.constantFrom(...zones),
        period: fc.constantFrom('day' as const, 'week' as const, 'month' as const),
        weekStart: fc.integer({ min: 1, max: 7 }),
        year: fc.constantFrom(...YEARS),
        nearTransition: fc.boolean(),
        pick: fc.nat(),
        offsetMs: fc.integer({ min: -30 * 3_600_000, max: 30 * 3_600_000 }),
      })
      .map(({ zone, period, weekStart, year, nearTransition, pick, offsetMs }) => {
        const changes = nearTransition ? clockChanges(zone, year) : [];
        const base = changes[pick % Math.max(1, changes.length)] ?? Date.UTC(year, 0, 1 + (pick % 365));
        return { zone, period, weekStart, at: new Date(base + offsetMs) };
      });

  it('hold their moment, begin at the first instant of a local date, and tile without a gap', async () => {
    expect(zones.length).toBeGreaterThan(300);
    await fc.assert(
      fc.asyncProperty(fc.array(moment(), { minLength: 100, maxLength: 100 }), async (moments) => {
        const windows = await windowsOf(moments);
        const shifted = (shift: (window: Window) => number) =>
          windowsOf(moments.map((one, index) => ({ ...one, at: new Date(shift(windows[index]!)) })));
        const next = await shifted((window) => window.window_end.getTime());
        const previous = await shifted((window) => window.window_start.getTime() - 1);
        moments.forEach((one, index) => {
          const window = windows[index]!;
          expect(window.window_start.getTime()).toBeLessThanOrEqual(one.at.getTime());
          expect(window.window_end.getTime()).toBeGreaterThan(one.at.getTime());
          expect(next[index]!.window_start).toEqual(window.window_end);
          expect(previous[index]!.window_end).toEqual(window.window_start);
          expect(isFirstInstant(window.window_start, one.zone)).toBe(true);
        });
      }),
      { numRuns: 15, endOnFailure: true },
    );
  }, 60_000);

  it('agree with luxon wherever luxon names the first instant', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(moment(), { minLength: 100, maxLength: 100 }), async (moments) => {
        const windows = await windowsOf(moments);
        moments.forEach((one, index) => {
          const expected = startOf(one);
          if (!isFirstInstant(expected, one.zone)) return;
          compared += 1;
          expect([one, windows[index]!.window_start]).toEqual([one, expected]);
        });
      }),
      { numRuns: 15, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(1_400);
  }, 60_000);

  it.each([
    ['23 hours in Berlin in spring', 'Europe/Berlin', '2026-03-29T12:00:00Z', 23],
    ['25 hours in Berlin in autumn', 'Europe/Berlin', '2026-10-25T12:00:00Z', 25],
    ['24 and a half on Lord Howe', 'Australia/Lord_Howe', '2026-04-05T02:00:00Z', 24.5],
    ['23 where midnight itself is skipped', 'Africa/Cairo', '2026-04-24T12:00:00Z', 23],
    ['25 where midnight comes twice', 'America/Havana', '2026-11-01T12:00:00Z', 25],
    ['27 where it comes twice, three hours apart', 'Antarctica/Casey', '2023-03-08T17:41:33Z', 27],
  ])('make a day %s', async (_, zone, at, hours) => {
    const [window] = await windowsOf([{ zone, period: 'day', weekStart: 1, at: new Date(at) }]);
    expect((window!.window_end.getTime() - window!.window_start.getTime()) / 3_600_000).toBe(hours);
  });

  it('of a total budget are one, without an end', async () => {
    const [window] = await test.dataSource.query(
      "select window_start::text, window_end::text from budget_window('total', 'Asia/Tokyo', 1, now())",
    );
    expect(window).toEqual({ window_start: '1970-01-01 00:00:00+00', window_end: 'infinity' });
  });
});

/**
 * Zones of whose past Node and Postgres tell the same, looked at every fifth day. Their zone databases are not of the same
 * year, and of some places (Casey Station in 2019) history itself was corrected in between.
 */
async function zonesOfOneMind(test: TestDatabase): Promise<string[]> {
  const days = Array.from({ length: YEARS.length * 73 }, (_, n) => Date.UTC(YEARS[0]!, 0, 1 + 5 * n));
  const rows: { name: string; minutes: number[] }[] = await test.dataSource.query(
    `select z.name, array_agg((extract(epoch from (d.at at time zone z.name) - (d.at at time zone 'UTC')) / 60)::float8 order by d.n) as minutes
       from pg_timezone_names z
      cross join unnest($1::float8[]) with ordinality as u(ms, n) cross join lateral (select to_timestamp(u.ms / 1000) as at, u.n) d
      where z.name = any($2) group by 1`,
    [days, Intl.supportedValuesOf('timeZone')],
  );
  return rows
    .filter(({ name, minutes }) => days.every((at, n) => DateTime.fromMillis(at, { zone: name }).offset === minutes[n]))
    .map(({ name }) => name);
}

/** One millisecond earlier it was another date there. */
function isFirstInstant(at: Date, zone: string): boolean {
  const dateAt = (ms: number) => DateTime.fromMillis(ms, { zone }).toISODate();
  return dateAt(at.getTime()) !== dateAt(at.getTime() - 1);
}

function startOf({ zone, period, weekStart, at }: Moment): Date {
  const local = DateTime.fromJSDate(at, { zone });
  if (period !== 'week') return local.startOf(period).toJSDate();
  const sinceStart = (local.weekday - weekStart + 7) % 7;
  const { year, month, day } = DateTime.utc(local.year, local.month, local.day).minus({ days: sinceStart });
  return DateTime.fromObject({ year, month, day }, { zone }).startOf('day').toJSDate();
}

const changesByZoneAndYear = new Map<string, number[]>();

/** Days of a year on which the zone's clocks change. */
function clockChanges(zone: string, year: number): number[] {
  const key = `${zone} ${year}`;
  const known = changesByZoneAndYear.get(key);
  if (known) return known;
  const changes: number[] = [];
  for (let day = 0; day < 365; day += 1) {
    const at = Date.UTC(year, 0, 1 + day);
    const offsetAt = (ms: number) => DateTime.fromMillis(ms, { zone }).offset;
    if (offsetAt(at) !== offsetAt(at + 86_400_000)) changes.push(at);
  }
  changesByZoneAndYear.set(key, changes);
  return changes;
}
