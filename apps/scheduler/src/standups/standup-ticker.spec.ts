import { DutyRunner } from '@houston/common/duties/duty-runner.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { StandupClockStore } from './standup-clock.store.js';
import { StandupTicker } from './standup-ticker.js';

interface Kept {
  id: string;
  tick_at: Date | null;
  status: string;
  sections: { completed: { title: string }[] };
}

const DAY_MS = 86_400_000;

let db: TestDatabase;
let ticker: StandupTicker;

beforeEach(async () => {
  db = await openTestDatabase();
  ticker = new StandupTicker(db.database, new StandupClockStore());
  await ticker.runOnce();
});
afterEach(() => db.close());

const query = <Row>(sql: string, parameters: unknown[] = []) =>
  db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
const kept = () => query<Kept>('select id, tick_at, status, sections from standups order by created_at, id');
const sentEvents = () =>
  query<{ data: { standupId: string } }>("select data from events where type = 'standup.sent' order by seq");
const settings = (value: object) =>
  query('update workspaces set settings = $2 where id = $1', [db.workspaceId, JSON.stringify(value)]);
const clock = async () => {
  const [row] = await query<{ next_tick_at: Date | null; look_at: Date | null; cadence: string | null }>(
    'select next_tick_at, look_at, cadence from standup_clocks where workspace_id = $1',
    [db.workspaceId],
  );
  return row!;
};
/** The next tick was so long ago. */
const due = (ago: string) =>
  query(
    `update standup_clocks set next_tick_at = date_trunc('minute', now() - $2::interval),
            look_at = date_trunc('minute', now() - $2::interval) where workspace_id = $1`,
    [db.workspaceId, ago],
  );

describe('the stand-up of a workspace', () => {
  it('comes every morning at nine in the zone of the workspace, unless it is set otherwise', async () => {
    expect(await clock()).toMatchObject({ cadence: '0 9 * * * UTC' });
    expect((await clock()).next_tick_at?.toISOString()).toMatch(/T09:00:00\.000Z$/);
    await query("update workspaces set timezone = 'Asia/Tokyo' where id = $1", [db.workspaceId]);
    await ticker.runOnce();
    expect((await clock()).next_tick_at?.toISOString()).toMatch(/T00:00:00\.000Z$/);
    await settings({ standup: { cron: '30 7 * * *', timezone: 'UTC' } });
    await ticker.runOnce();
    expect((await clock()).next_tick_at?.toISOString()).toMatch(/T07:30:00\.000Z$/);
    expect(await kept()).toEqual([]);
  });

  it('is made once when it is due, however many schedulers look, and tells of the day before', async () => {
    await query(
      `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, ended_at, result)
       select $1, $2, gen_random_uuid(), t.title, 'done', 'normal', now(), 'system', now() - t.ago::interval, '{}'
         from (values ('Yesterday', '2 hours'), ('Long ago', '30 hours')) as t(title, ago)`,
      [db.organizationId, db.workspaceId],
    );
    await due('10 minutes');
    const schedulers = Array.from({ length: 5 }, () => new StandupTicker(db.database, new StandupClockStore()));
    await Promise.all([ticker, ...schedulers].map((one) => one.runOnce()));
    const [standup, ...more] = await kept();
    expect(more).toEqual([]);
    expect(standup).toMatchObject({ status: 'sent', sections: { completed: [{ title: 'Yesterday' }] } });
    expect(await sentEvents()).toEqual([{ data: expect.objectContaining({ standupId: standup?.id }) }]);
    const { next_tick_at: next } = await clock();
    expect(next!.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await ticker.runOnce();
    expect(await kept()).toHaveLength(1);
  });

  it('of one tick is never kept twice, even where a clock was turned back', async () => {
    await due('10 minutes');
    await ticker.runOnce();
    const [{ tick_at: tickAt } = { tick_at: null }] = await kept();
    await query('update standup_clocks set next_tick_at = $2, look_at = $2 where workspace_id = $1', [
      db.workspaceId,
      tickAt?.toISOString(),
    ]);
    await ticker.runOnce();
    expect([(await kept()).length, (await sentEvents()).length]).toEqual([1, 1]);
  });

  it('is made up for once after a pause of days: for the last tick that was missed', async () => {
    await settings({ standup: { cron: '0 * * * *' } });
    await ticker.runOnce();
    await due('3 days');
    await ticker.runOnce();
    const standups = await kept();
    expect(standups).toHaveLength(1);
    expect(Date.now() - standups[0]!.tick_at!.getTime()).toBeLessThan(3_600_000 + 120_000);
    expect((await clock()).next_tick_at!.getTime()).toBeLessThan(Date.now() + DAY_MS);
  });

  it('does not come where it is not enabled, nor for a tick from before it was enabled again', async () => {
    await settings({ standup: { enabled: false } });
    await due('1 minute');
    await ticker.runOnce();
    expect(await clock()).toEqual({ cadence: null, next_tick_at: null, look_at: null });
    await settings({ standup: { enabled: true } });
    await ticker.runOnce();
    expect((await clock()).next_tick_at!.getTime()).toBeGreaterThan(Date.now());
    expect(await kept()).toEqual([]);
  });

  describe('while the sender is switched off', () => {
    it('is kept and waits; each is sent when it is on again, in order, and none twice', async () => {
      const standup = { cron: '0 0 29 2 *' };
      await settings({ standup, features: { standups: false } });
      for (const ago of ['2 minutes', '1 minute']) {
        await due(ago);
        await ticker.runOnce();
      }
      expect((await kept()).map(({ status }) => status)).toEqual(['waiting', 'waiting']);
      expect(await sentEvents()).toEqual([]);
      await settings({ standup, features: { standups: true } });
      await ticker.runOnce();
      await ticker.runOnce();
      const standups = await kept();
      expect(standups.map(({ status }) => status)).toEqual(['sent', 'sent']);
      expect(await sentEvents()).toEqual(
        standups.map(({ id }) => ({ data: expect.objectContaining({ standupId: id }) as unknown })),
      );
    });
  });

  it('of a workspace whose settings cannot be read keeps no other waiting', async () => {
    await query(
      `insert into workspaces (organization_id, id, slug, name, settings)
       values ($1, gen_random_uuid(), 'broken', 'Broken', '{"standup": {"cron": "0 9 * * *", "timezone": "Mars/Olympus"}}')`,
      [db.organizationId],
    );
    await due('1 minute');
    await expect(ticker.runOnce()).rejects.toThrow(/1 workspaces/);
    expect(await kept()).toHaveLength(1);
    expect(await ticker.runOnce()).toEqual({ looked: 0, sent: 0 });
  });

  it('goes with its workspace', async () => {
    await due('1 minute');
    await ticker.runOnce();
    await query("insert into workspaces (organization_id, id, slug, name) values ($1, gen_random_uuid(), 'x', 'X')", [
      db.organizationId,
    ]);
    await query('delete from workspaces where id = $1', [db.workspaceId]);
    expect(await kept()).toEqual([]);
    expect(await query('select 1 from standup_clocks')).toHaveLength(1);
  });

  it('comes by itself from a running scheduler', async () => {
    const runner = new DutyRunner(ticker);
    runner.start();
    await due('1 minute');
    await until(async () => (await sentEvents()).length === 1);
    await runner.stop();
  });
});
