import { insertSchedule, scheduleTicker, type NewSchedule } from '../../../../test/factories/schedule.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { DutyRunner } from '@houston/common/duties/duty-runner.js';
import { v7 as newId } from 'uuid';
import { until } from '../../../../test/support/until.js';
import { ScheduleStore } from './schedule.store.js';
import type { ScheduleTicker } from './schedule-ticker.js';
import { TickCleaner } from './tick-cleaner.js';

interface Tick {
  id: string;
  tick_at: Date;
  outcome: string;
  reason: string | null;
  error: string | null;
  task_id: string | null;
  missed_count: number | null;
}

let db: TestDatabase;
let ticker: ScheduleTicker;

beforeEach(async () => {
  db = await openTestDatabase();
  ticker = scheduleTicker(db);
});
afterEach(() => db.close());

const query = <Row>(sql: string, parameters: unknown[] = []) =>
  db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));

const schedule = (options: NewSchedule = {}) => insertSchedule(db, options);

/** The next tick comes now. */
async function tickAgain(id: string): Promise<void> {
  await query(
    `update schedules set next_tick_at = date_trunc('milliseconds', clock_timestamp()),
            anchor_at = date_trunc('milliseconds', clock_timestamp()) - make_interval(secs => every_seconds) where id = $1`,
    [id],
  );
  await ticker.runOnce();
}

const ticksOf = (id: string) =>
  query<Tick>('select * from schedule_ticks where schedule_id = $1 order by tick_at', [id]);
const outcomesOf = async (id: string) => (await ticksOf(id)).map((tick) => tick.outcome);
const eventsOf = async (id: string) =>
  (await query<{ type: string }>('select type from events where subject = $1 order by seq', [`schedule:${id}`])).map(
    (event) => event.type,
  );
const tasks = () => query<{ id: string; title: string }>('select id, title from tasks');

async function end(taskId: string | null, status: 'done' | 'failed' | 'cancelled') {
  // From the inbox nothing is done at once.
  if (status === 'done') await take(taskId);
  await query(
    `update tasks set status = $2, ended_at = now(), result = '{}', lease_id = null, lease_agent_id = null, leased_at = null,
            lease_expires_at = null where id = $1`,
    [taskId, status],
  );
}

async function take(taskId: string | null) {
  await query(
    `with agent as (
       insert into agents (organization_id, id, name) select organization_id, gen_random_uuid(), 'taker ' || id from tasks where id = $1
       returning id
     )
     update tasks set status = 'in_progress', lease_id = gen_random_uuid(), lease_agent_id = (select id from agent), leased_at = now(),
            lease_expires_at = now() + interval '1 hour' where id = $1`,
    [taskId],
  );
}

describe('a tick', () => {
  it('makes its task once and tells so, however many schedulers look', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => schedule()));
    const others = Array.from({ length: 4 }, () => scheduleTicker(db));
    await Promise.all([ticker, ...others].map((one) => one.runOnce()));
    await ticker.runOnce();
    expect(await tasks()).toHaveLength(ids.length);
    for (const id of ids) {
      expect(await outcomesOf(id)).toEqual(['running']);
      expect(await eventsOf(id)).toEqual(['schedule.fired']);
    }
  });

  it('does not come before its time, nor of a paused schedule', async () => {
    const early = await schedule({ dueSecondsAgo: -60 });
    const paused = await schedule();
    await query('update schedules set enabled = false, next_tick_at = null where id = $1', [paused]);
    expect(await ticker.runOnce()).toEqual({ due: 0, ticks: 0 });
    expect([...(await ticksOf(early)), ...(await ticksOf(paused))]).toEqual([]);
  });

  it('comes soon after its time when the duty runs by itself', async () => {
    const id = await schedule({ everySeconds: 1, overlap: 'allow', dueSecondsAgo: -1 });
    const runner = new DutyRunner(ticker);
    runner.start();
    await until(async () => (await ticksOf(id)).length >= 4);
    await runner.stop();
    const [worst] = await query<{ late: number }>(
      'select max(extract(epoch from started_at - tick_at))::float8 as late from schedule_ticks',
    );
    expect(worst!.late).toBeLessThan(5);
    expect((await ticksOf(id)).every((tick) => tick.outcome === 'running')).toBe(true);
  });

  it('that a scheduler wrote before it died is run by another', async () => {
    const id = await schedule();
    await db.database.inOrganization(db.organizationId, async (tx) => {
      const store = new ScheduleStore(db.database);
      const [due] = await store.lockDue(tx, 1);
      const plan = { workspace_id: due!.workspaceId, id, missed: null, next_tick_at: new Date(Date.now() + 60_000) };
      await store.write(tx, [{ ...plan, ticks: [{ id: newId(), tick_at: due!.nextTickAt, delay_ms: 0 }] }]);
    });
    expect(await outcomesOf(id)).toEqual(['waiting']);
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['running']);
  });

  it('with jitter begins later', async () => {
    const id = await schedule({ jitterSeconds: 3_600 });
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['waiting']);
    const [row] = await query<{ late: number }>(
      'select extract(epoch from wake_at - tick_at)::float8 as late from schedule_ticks',
    );
    expect(row!.late).toBeGreaterThan(0);
    expect(row!.late).toBeLessThan(3_600);
    await query('update schedule_ticks set wake_at = now()');
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['running']);
  });

  it('missed by hours is missed, made up for once, or all of it', async () => {
    const absence = { everySeconds: 600, dueSecondsAgo: 1_900, overlap: 'allow' };
    const [none, one, all] = [
      await schedule({ ...absence, catchUp: 'none' }),
      await schedule({ ...absence, catchUp: 'one' }),
      await schedule({ ...absence, catchUp: 'all' }),
    ];
    await ticker.runOnce();
    expect(await ticksOf(none)).toMatchObject([{ outcome: 'missed', missed_count: 4 }]);
    expect(await ticksOf(one)).toMatchObject([{ outcome: 'missed', missed_count: 3 }, { outcome: 'running' }]);
    expect(await outcomesOf(all)).toEqual(['running', 'running', 'running', 'running']);
    expect(await eventsOf(none)).toEqual(['schedule.missed']);
    const due = await query<{ ahead: boolean }>('select next_tick_at > now() as ahead from schedules');
    expect(due.every((row) => row.ahead)).toBe(true);
  });

  it('of a schedule that cannot be read any more pauses it and keeps no other waiting', async () => {
    const [broken, whole] = [await schedule(), await schedule()];
    await query(
      `update schedules set every_seconds = null, cron = '0 0 * * *', timezone = 'Europe/Atlantis' where id = $1`,
      [broken],
    );
    await ticker.runOnce();
    expect(await query('select enabled from schedules where id = $1', [broken])).toEqual([{ enabled: false }]);
    expect(await eventsOf(broken)).toEqual(['schedule.paused']);
    expect(await outcomesOf(whole)).toEqual(['running']);
  });

  it('is forgotten 30 days after its end, and not before', async () => {
    const id = await schedule();
    await ticker.runOnce();
    const cleaner = new TickCleaner(db.database, new ScheduleStore(db.database));
    expect(await cleaner.runOnce()).toEqual({ forgotten: 0 });
    await end((await ticksOf(id))[0]!.task_id, 'done');
    await ticker.runOnce();
    await query(`update schedule_ticks set ended_at = now() - interval '31 days'`);
    expect(await cleaner.runOnce()).toEqual({ forgotten: 1 });
  });
});

describe('a run', () => {
  it.each([
    ['done', 'succeeded'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const)('ends with its task: %s is %s', async (status, outcome) => {
    const id = await schedule();
    await ticker.runOnce();
    expect(await ticker.runOnce()).toEqual({ due: 0, ticks: 0 });
    await end((await ticksOf(id))[0]!.task_id, status);
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual([outcome]);
  });

  it('that goes on lets the next tick be skipped, run beside it, or wait for its end', async () => {
    const [skip, allow, queue] = [
      await schedule({ overlap: 'skip' }),
      await schedule({ overlap: 'allow' }),
      await schedule({ overlap: 'queue' }),
    ];
    await ticker.runOnce();
    for (const id of [skip, allow, queue, queue]) await tickAgain(id);
    expect(await ticksOf(skip)).toMatchObject([{ outcome: 'running' }, { outcome: 'skipped', reason: 'overlap' }]);
    expect(await outcomesOf(allow)).toEqual(['running', 'running']);
    expect(await outcomesOf(queue)).toEqual(['running', 'queued', 'queued']);
    for (const expected of [
      ['succeeded', 'running', 'queued'],
      ['succeeded', 'succeeded', 'running'],
    ]) {
      await end((await ticksOf(queue)).find((tick) => tick.outcome === 'running')!.task_id, 'done');
      await ticker.runOnce();
      await ticker.runOnce();
      expect(await outcomesOf(queue)).toEqual(expected);
    }
  });

  it('does not begin after its schedule was paused', async () => {
    const id = await schedule({ overlap: 'queue' });
    await ticker.runOnce();
    await tickAgain(id);
    await query('update schedules set enabled = false, next_tick_at = null where id = $1', [id]);
    await end((await ticksOf(id))[0]!.task_id, 'done');
    await ticker.runOnce();
    await ticker.runOnce();
    expect(await ticksOf(id)).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'skipped', reason: 'paused' }]);
  });

  it('does not wait behind more than a hundred', async () => {
    const id = await schedule({ overlap: 'queue', catchUp: 'all', everySeconds: 1, dueSecondsAgo: 99.5 });
    await ticker.runOnce();
    await query('update schedules set every_seconds = 3600 where id = $1', [id]);
    await tickAgain(id);
    await tickAgain(id);
    const outcomes = await outcomesOf(id);
    expect(outcomes.filter((outcome) => outcome === 'running')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'queued')).toHaveLength(100);
    expect((await ticksOf(id)).at(-1)).toMatchObject({ outcome: 'skipped', reason: 'queue_full' });
  });

  it('of a task that cannot be made fails with the reason, and harms no other', async () => {
    const [broken, whole] = [await schedule({ task: { priority: 'loud' } }), await schedule()];
    await ticker.runOnce();
    expect(await ticksOf(broken)).toMatchObject([
      { outcome: 'failed', task_id: null, error: expect.stringContaining('tasks_priority_check') },
    ]);
    expect(await eventsOf(broken)).toEqual(['schedule.run_failed']);
    expect(await outcomesOf(whole)).toEqual(['running']);
  });
});

describe('the breaker', () => {
  const breakerOf = async (id: string) =>
    (
      await query<{ failures: number; seconds: number | null }>(
        'select failures, round(extract(epoch from breaker_until - now()))::int as seconds from schedules where id = $1',
        [id],
      )
    )[0]!;
  async function fail(id: string) {
    await tickAgain(id);
    await end((await ticksOf(id)).at(-1)!.task_id, 'failed');
    await ticker.runOnce();
  }

  it('opens for 120 s after five failures in a row, not after four, and tells it once', async () => {
    const id = await schedule({ dueSecondsAgo: -3_600 });
    for (let n = 0; n < 4; n += 1) await fail(id);
    expect(await breakerOf(id)).toEqual({ failures: 4, seconds: null });
    await fail(id);
    expect(await breakerOf(id)).toMatchObject({ failures: 5 });
    expect((await breakerOf(id)).seconds).toBeGreaterThan(110);
    expect((await eventsOf(id)).filter((type) => type === 'schedule.breaker_opened')).toHaveLength(1);
    await tickAgain(id);
    expect((await ticksOf(id)).at(-1)).toMatchObject({ outcome: 'skipped', reason: 'breaker_open', task_id: null });
  });

  it('lets one run decide when its time is over: failure opens it again, success closes it', async () => {
    const id = await schedule({ dueSecondsAgo: -3_600 });
    for (let n = 0; n < 5; n += 1) await fail(id);
    await query(`update schedules set breaker_until = now() - interval '1 second'`);
    await fail(id);
    expect(await breakerOf(id)).toMatchObject({ failures: 6, seconds: expect.any(Number) });
    await query(`update schedules set breaker_until = now() - interval '1 second'`);
    await tickAgain(id);
    await end((await ticksOf(id)).at(-1)!.task_id, 'done');
    await ticker.runOnce();
    expect(await breakerOf(id)).toEqual({ failures: 0, seconds: null });
  });

  it('does not count a run that somebody cancelled', async () => {
    const id = await schedule();
    await ticker.runOnce();
    await end((await ticksOf(id))[0]!.task_id, 'cancelled');
    await ticker.runOnce();
    expect(await breakerOf(id)).toMatchObject({ failures: 0 });
  });
});
