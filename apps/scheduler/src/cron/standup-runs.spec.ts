import { Client } from 'pg';
import { insertSchedule, scheduleTicker, type NewSchedule } from '../../../../test/factories/schedule.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import type { ScheduleTicker } from './schedule-ticker.js';

interface Tick {
  id: string;
  outcome: string;
  standup_id: string | null;
  error: string | null;
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
const schedule = (options: NewSchedule = {}) => insertSchedule(db, { standup: true, ...options });
const ticks = () => query<Tick>('select id, outcome, standup_id, error from schedule_ticks order by tick_at');
const standups = () => query<object>('select id, origin, status, created_by from standups');
const events = async (type: string) =>
  (await query<{ data: object }>('select data from events where type = $1 order by seq', [type])).map(
    ({ data }) => data,
  );

describe('the stand-up of a schedule', () => {
  it('is made and sent once a tick, however many schedulers look', async () => {
    const id = await schedule();
    const others = Array.from({ length: 4 }, () => scheduleTicker(db));
    for (let n = 0; n < 3; n += 1) await Promise.all([ticker, ...others].map((one) => one.runOnce()));
    const [tick, ...more] = await ticks();
    expect(more).toEqual([]);
    expect(tick).toMatchObject({ outcome: 'succeeded', standup_id: tick!.id });
    expect(await standups()).toEqual([
      { id: tick!.id, origin: 'schedule', status: 'sent', created_by: `schedule:${id}` },
    ]);
    expect(await events('standup.sent')).toMatchObject([{ standupId: tick!.id }]);
    expect(await events('schedule.fired')).toMatchObject([{ scheduleId: id, standupId: tick!.id }]);
    expect(await query('select id from tasks')).toEqual([]);
  });

  it('stands beside the one of the clock of the workspace, at the same moment too', async () => {
    const noon = '2026-01-01T12:00:00Z';
    await query(
      `insert into standups (organization_id, workspace_id, id, origin, tick_at, from_at, to_at, sections, totals, title, text, markdown,
                             slack, status, created_by, sent_at)
       values ($1, $2, gen_random_uuid(), 'clock', $3, $3::timestamptz - interval '1 day', $3, '{}', '{}', 't', 't', 't', '{}', 'sent', 'system', now())`,
      [db.organizationId, db.workspaceId, noon],
    );
    await schedule();
    await query('update schedules set next_tick_at = $1, anchor_at = $1', [noon]);
    await query("update schedules set catch_up = 'one'");
    await ticker.runOnce();
    expect(await standups()).toHaveLength(2);
  });

  it('that a scheduler began before it died is made by another, and not twice', async () => {
    await schedule();
    await query('select work_ticks($1, 10)', [db.organizationId]);
    await ticker.runOnce();
    const [tick] = await ticks();
    await query(
      "update schedule_ticks set outcome = 'running', standup_id = null, ended_at = null, wake_at = now() where id = $1",
      [tick!.id],
    );
    await ticker.runOnce();
    expect(await standups()).toHaveLength(1);
    expect((await ticks()).map(({ outcome }) => outcome)).toEqual(['succeeded']);
    expect(await events('standup.sent')).toHaveLength(1);
  });

  it('waits for the sender to be switched on; its run has ended well', async () => {
    await query(`update workspaces set settings = '{"features": {"standups": false}}' where id = $1`, [db.workspaceId]);
    await schedule();
    await ticker.runOnce();
    expect(await standups()).toMatchObject([{ status: 'waiting' }]);
    expect(await ticks()).toMatchObject([{ outcome: 'succeeded' }]);
    expect(await events('standup.sent')).toEqual([]);
  });

  it('that cannot be made fails with the reason, and keeps no other waiting', async () => {
    await schedule();
    const owner = new Client({ connectionString: db.url });
    await owner.connect();
    await owner.query("alter table standups add check (origin <> 'schedule')");
    await owner.end();
    const task = await insertSchedule(db);
    await ticker.runOnce();
    expect(await query('select outcome, error from schedule_ticks where schedule_id <> $1', [task])).toEqual([
      { outcome: 'failed', error: expect.any(String) },
    ]);
    expect(await query('select outcome from schedule_ticks where schedule_id = $1', [task])).toEqual([
      { outcome: 'running' },
    ]);
    expect(await events('schedule.run_failed')).toHaveLength(1);
  });

  it('is not mistaken for a run of tasks when its schedule is given another target meanwhile', async () => {
    const standup = await schedule();
    const task = await insertSchedule(db, { dueSecondsAgo: 0.2 });
    await query('select work_ticks($1, 10)', [db.organizationId]);
    await ticker.runOnce();
    await query("update schedules set target_kind = 'standup', tasks = '[]' where id = $1", [task]);
    await query("update schedule_ticks set wake_at = now() where outcome = 'running'");
    await ticker.runOnce();
    const outcomes = await query<{ outcome: string }>('select outcome from schedule_ticks where schedule_id = $1', [
      task,
    ]);
    expect(outcomes).toEqual([{ outcome: 'running' }]);
    expect(await query('select outcome from schedule_ticks where schedule_id = $1', [standup])).toEqual([
      { outcome: 'succeeded' },
    ]);
  });
});
