import fc from 'fast-check';
import { DateTime } from 'luxon';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';

interface Hours {
  day: number;
  from: string;
  to: string;
}

const ZONES = ['UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Sao_Paulo'];
/** Around changes of the clock of these zones. */
const DAYS = ['2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01', '2026-04-05', '2026-10-04', '2026-06-15'];

describe('the hours of an agent', () => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  const ask = async <T>(call: string, hours: Hours[] | null, zone: string, at: string): Promise<T> => {
    const [row] = await db.database.statement<{ answer: T }>(
      `select ${call}($1::jsonb, $2, $3::timestamptz) as answer`,
      [hours === null ? null : JSON.stringify(hours), zone, at],
    );
    return row!.answer;
  };

  it('are always where none are set, and never where the list is empty', async () => {
    expect(await ask('agent_available', null, 'UTC', '2026-11-21T03:00:00Z')).toBe(true);
    expect(await ask('agent_available', [], 'UTC', '2026-11-21T03:00:00Z')).toBe(false);
    expect(await ask('agent_available_from', [], 'UTC', '2026-11-21T03:00:00Z')).toBeNull();
  });

  it('begin at the change where the clock is put forward over their beginning', async () => {
    const hours = [{ day: 7, from: '02:30', to: '05:00' }];
    const from = await ask<Date>('agent_available_from', hours, 'Europe/Paris', '2026-03-29T00:00:00Z');
    expect(from.toISOString()).toBe('2026-03-29T01:00:00.000Z');
  });

  it('begin at the first of two equal times where the clock is put back', async () => {
    const hours = [{ day: 7, from: '02:30', to: '05:00' }];
    const from = await ask<Date>('agent_available_from', hours, 'Europe/Paris', '2026-10-25T00:00:00Z');
    expect(from.toISOString()).toBe('2026-10-25T00:30:00.000Z');
  });

  it('agree with luxon at any time, on days when the clock changes, over midnight too', async () => {
    const clock = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '45'))
      .map(([h, m]) => `${pad(h)}:${m}`);
    const hours = fc.record({
      day: fc.integer({ min: 1, max: 7 }),
      from: clock,
      to: fc.oneof(clock, fc.constant('24:00')),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(hours, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...ZONES),
        fc.constantFrom(...DAYS),
        fc.integer({ min: -720, max: 2160 }),
        async (schedule, zone, day, minutes) => {
          const at = DateTime.fromISO(`${day}T00:00:00Z`, { zone: 'UTC' }).plus({ minutes });
          expect(await ask('agent_available', schedule, zone, at.toISO()!)).toBe(open(schedule, at.setZone(zone)));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('never name a later beginning than the first minute that is open', async () => {
    const clock = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '45'))
      .map(([h, m]) => `${pad(h)}:${m}`);
    const hours = fc.record({ day: fc.integer({ min: 1, max: 7 }), from: clock, to: clock });
    await fc.assert(
      fc.asyncProperty(
        fc.array(hours, { minLength: 1, maxLength: 2 }),
        fc.constantFrom(...ZONES),
        fc.constantFrom(...DAYS),
        async (schedule, zone, day) => {
          let at = DateTime.fromISO(`${day}T00:00:00Z`, { zone: 'UTC' });
          const answer = await ask<Date | null>('agent_available_from', schedule, zone, at.toISO()!);
          for (let step = 0; step < 9 * 96 && !open(schedule, at.setZone(zone)); step += 1)
            at = at.plus({ minutes: 15 });
          expect(answer?.toISOString()).toBe(at.toJSDate().toISOString());
        },
      ),
      { numRuns: 150 },
    );
  });
});

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function open(schedule: Hours[], local: DateTime): boolean {
  const clock = local.toFormat('HH:mm');
  const yesterday = local.weekday === 1 ? 7 : local.weekday - 1;
  return schedule.some(({ day, from, to }) => {
    if (from < to) return day === local.weekday && clock >= from && clock < to;
    return (day === local.weekday && clock >= from) || (day === yesterday && clock < to);
  });
}
