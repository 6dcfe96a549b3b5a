import { v7 as newId } from 'uuid';
import { insertSchedule, scheduleTicker, type NewSchedule } from '../../../../test/factories/schedule.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import type { ScheduleTicker } from './schedule-ticker.js';

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
const ticksOf = (id: string) =>
  query<{ outcome: string; task_id: string | null }>(
    'select outcome, task_id from schedule_ticks where schedule_id = $1 order by tick_at',
    [id],
  );

/** The next tick comes now. */
async function tickAgain(id: string): Promise<void> {
  await query(
    `update schedules set next_tick_at = date_trunc('milliseconds', clock_timestamp()),
            anchor_at = date_trunc('milliseconds', clock_timestamp()) - make_interval(secs => every_seconds) where id = $1`,
    [id],
  );
  await ticker.runOnce();
}

async function agent(name: string): Promise<string> {
  const id = newId();
  await query('insert into agents (organization_id, id, name) values ($1, $2, $3)', [db.organizationId, id, name]);
  return id;
}

describe('a heartbeat', () => {
  const makeTask = () =>
    db.database.inOrganization(db.organizationId, (tx) =>
      tx.query(`select create_tasks($1, $2, 'system', $3)`, [
        ...[db.organizationId, db.workspaceId],
        JSON.stringify([{ id: newId(), title: 'Work', priority: 'normal' }]),
      ]),
    );
  const finish = (taskId: string) =>
    query(`update tasks set status = 'cancelled', ended_at = now() where id = $1`, [taskId]);
  async function beat(id: string): Promise<string> {
    await tickAgain(id);
    const last = (await ticksOf(id)).at(-1)!;
    if (last.task_id) await finish(last.task_id);
    await ticker.runOnce();
    return last.outcome;
  }

  it('wakes its agent the first time, and again only when the board has changed', async () => {
    const agentId = await agent('researcher');
    const id = await schedule({ agentId, dueSecondsAgo: -60 });
    expect(await beat(id)).toBe('running');
    expect(await beat(id)).toBe('HEARTBEAT_OK');
    expect(await beat(id)).toBe('HEARTBEAT_OK');
    await makeTask();
    expect(await beat(id)).toBe('running');
    expect(await beat(id)).toBe('HEARTBEAT_OK');
    expect(await query(`select id from tasks where title = 'Report'`)).toHaveLength(2);
  });

  it('is not woken by the heartbeats of others, nor by another workspace', async () => {
    const [a, b] = [await agent('a'), await agent('b')];
    const [one, two] = [
      await schedule({ agentId: a, dueSecondsAgo: -60 }),
      await schedule({ agentId: b, dueSecondsAgo: -60 }),
    ];
    await beat(one);
    await beat(two);
    await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'other', 'Other')`, [
      db.organizationId,
      newId(),
    ]);
    await query(`select create_tasks($1, (select id from workspaces where slug = 'other'), 'system', $2)`, [
      db.organizationId,
      JSON.stringify([{ id: newId(), title: 'Elsewhere', priority: 'normal' }]),
    ]);
    expect([await beat(one), await beat(two), await beat(one)]).toEqual([
      'HEARTBEAT_OK',
      'HEARTBEAT_OK',
      'HEARTBEAT_OK',
    ]);
  });

  it('sees the task of another schedule that came in the same moment', async () => {
    const id = await schedule({ agentId: await agent('a'), dueSecondsAgo: -60 });
    await beat(id);
    expect(await beat(id)).toBe('HEARTBEAT_OK');
    await schedule();
    const outcomes = [await beat(id), await beat(id)];
    expect(outcomes.filter((outcome) => outcome === 'running')).toHaveLength(1);
  });

  it('sees what a transaction did that was running when it last looked', async () => {
    const id = await schedule({ agentId: await agent('a'), dueSecondsAgo: -60 });
    await beat(id);
    await db.database.inOrganization(db.organizationId, async (tx) => {
      await tx.query(`select create_tasks($1, $2, 'system', $3)`, [
        ...[db.organizationId, db.workspaceId],
        JSON.stringify([{ id: newId(), title: 'Slow', priority: 'normal' }]),
      ]);
      expect(await beat(id)).toBe('HEARTBEAT_OK');
    });
    expect(await beat(id)).toBe('running');
    expect(await beat(id)).toBe('HEARTBEAT_OK');
  });
});
