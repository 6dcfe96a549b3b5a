import { v7 as newId } from 'uuid';
import { administer } from '../../../../test/support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { DashboardView } from './dashboard.view.js';

const MANY = 3_000;

describe('the state of a workspace', () => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  const state = async (client = gateway.owner) => bodyOf<DashboardView>(await client.get('/api/dashboard/state'), 200);
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  async function task(more: Record<string, unknown> = {}): Promise<string> {
    return bodyOf<{ id: string }>(await gateway.owner.post('/api/tasks', { title: 'Work', ...more }), 201).id;
  }

  it('is nothing but zeros at first', async () => {
    expect(await state()).toEqual({
      at: expect.any(String),
      agents: { offline: 0, idle: 0, assigned: 0, working: 0, blocked: 0, paused: 0, draining: 0 },
      queueDepth: { urgent: 0, high: 0, normal: 0, low: 0 },
      waiting: { dependency: 0, retry: 0, quota: 0, approval: 0 },
      oldestWaiting: null,
      leases: { live: 0, unacknowledged: 0, expired: 0 },
      ...{ retriesDue: 0, deadLetters: 0, recentCompletions: [] },
      health: { status: 'degraded', services: expect.objectContaining({ scheduler: false }) },
    });
  });

  it('counts each task of the inbox once: as one to be taken, or by what it waits for', async () => {
    const first = await task({ priority: 'low' });
    await task({ priority: 'urgent' });
    await task({ priority: 'normal' });
    await task({ dependsOn: [first] });
    const [retry, due, quota, approval] = [await task(), await task(), await task(), await task()];
    const wait = `update tasks set next_retry_at = now() + $2::interval, retry_reason = $3 where id = $1`;
    await query(wait, [retry, '1 hour', 'backoff']);
    await query(wait, [due, '-1 second', 'backoff']);
    await query(wait, [quota, '1 hour', 'quota']);
    await query('update tasks set approval_id = $2 where id = $1', [approval, newId()]);
    await query(`update tasks set status_since = now() - interval '90 seconds' where id = any($1)`, [[first, retry]]);
    expect(await state()).toMatchObject({
      queueDepth: { urgent: 1, high: 0, normal: 1, low: 1 },
      waiting: { dependency: 1, retry: 2, quota: 1, approval: 1 },
      oldestWaiting: { taskId: first, priority: 'low', seconds: 90 },
      retriesDue: 1,
    });
  });

  it('tells who works, what was done by whom, and what was given up', async () => {
    const agents = await Promise.all(
      ['one', 'two', 'three'].map(
        async (name) => bodyOf<{ id: string }>(await gateway.owner.post('/api/agents', { name }), 201).id,
      ),
    );
    await task({ title: 'Done' });
    await task({ title: 'Going on' });
    const claim = async (agent: string) =>
      bodyOf<{ task: { id: string }; lease: { id: string; fence: number } }>(
        await gateway.owner.post(`/api/agents/${agent}/claim`),
        200,
      );
    const { task: done, lease } = await claim(agents[0]!);
    bodyOf(
      await gateway.owner.post(`/api/tasks/${done.id}/complete`, {
        lease: { id: lease.id, fence: lease.fence },
        result: { ok: true },
      }),
      200,
    );
    await claim(agents[1]!);
    const dead = await task();
    await query(
      `insert into dead_letters (organization_id, workspace_id, id, kind, task_id, reason, summary)
       select organization_id, workspace_id, $1, 'task', id, 'manual', '{}' from tasks where id = $2`,
      [newId(), dead],
    );
    expect(await state()).toMatchObject({
      agents: { offline: 1, idle: 1, working: 1 },
      leases: { live: 1, unacknowledged: 0, expired: 0 },
      deadLetters: 1,
      recentCompletions: [{ taskId: done.id, title: 'Done', agent: 'one' }],
    });
    await query(`update tasks set lease_expires_at = now() - interval '1 second' where lease_id is not null`);
    expect((await state()).leases).toMatchObject({ live: 0, expired: 1 });
  });

  it('knows nothing of other workspaces', async () => {
    await gateway.workspace('other');
    await task();
    const other = await state(gateway.as(gateway.db.ownerKey, 'other'));
    expect(other).toMatchObject({ queueDepth: { normal: 0 }, oldestWaiting: null, recentCompletions: [] });
  });

  it('tells of a service that is silent', async () => {
    await query(
      `insert into processes (name, instance, beat_at) select n, 'test', now() from unnest(array['gateway', 'budget', 'scheduler', 'notifier']) n
       on conflict do nothing`,
    );
    expect((await state()).health.status).toBe('ok');
    await query(`update processes set beat_at = now() - interval '16 seconds' where name = 'notifier'`);
    expect((await state()).health).toMatchObject({ status: 'degraded', services: { notifier: false, gateway: true } });
  });

  it.each([
    ['waiting', 'inbox', MANY],
    ['done', 'done', 0],
  ] as const)(`is exact with many tasks %s, just written or long since`, async (_, status, waiting) => {
    await fill(status);
    expect((await state()).queueDepth.normal).toBe(waiting);
    await administer(gateway.db.url, (client) => client.query('vacuum analyze tasks'));
    expect((await state()).queueDepth.normal).toBe(waiting);
  });

  it('tells of all that wait for a quota', async () => {
    await fill('inbox');
    const { organizationId, workspaceId } = gateway.db;
    await query(`insert into agents (organization_id, id, name, provider) values ($1, $2, 'poor', 'openai')`, [
      organizationId,
      newId(),
    ]);
    await query(
      `insert into provider_parkings (organization_id, workspace_id, provider, until) values ($1, $2, 'openai', now() + interval '1 hour')`,
      [organizationId, workspaceId],
    );
    expect(await state()).toMatchObject({ waiting: { quota: MANY }, queueDepth: { normal: 0 } });
  });

  it('counts changes that nobody has folded', async () => {
    await query(
      `insert into inbox_counts (organization_id, workspace_id, bucket, delta)
       select $1, $2, 'normal', 1 from generate_series(1, ${MANY})`,
      [gateway.db.organizationId, gateway.db.workspaceId],
    );
    expect((await state()).queueDepth.normal).toBe(MANY);
  });

  async function fill(status: 'inbox' | 'done') {
    await administer(gateway.db.url, (client) =>
      client.query(
        `insert into tasks (organization_id, workspace_id, id, title, priority, status, dispatch_at, created_by, ended_at, result, payload)
         select $1, $2, gen_random_uuid(), 'Task ' || n, 'normal', $3, now(), 'system',
                case when $3 = 'done' then now() - n * interval '1 second' end, '{}', jsonb_build_object('text', repeat('x', 200))
           from generate_series(1, ${MANY}) n`,
        [gateway.db.organizationId, gateway.db.workspaceId, status],
      ),
    );
  }
});
