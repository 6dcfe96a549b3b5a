import { claim, createTask, insertAgent, type Lease, type TaskJson } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { DeadlineStore } from '../deadlines/deadline.store.js';
import { Deadlines } from '../deadlines/deadlines.js';
import { WaitingWatch } from '../deadlines/waiting-watch.js';
import { DueRetries } from '../retries/due-retries.js';
import { RetryStore } from '../retries/retry.store.js';
import { LeaseStore } from './lease.store.js';
import { LostLeases } from './lost-leases.js';

describe('the duties over tasks', () => {
  let gateway: TestGateway;
  let leases: LostLeases;
  let retries: DueRetries;
  let deadlines: Deadlines;
  let watch: WaitingWatch;

  beforeEach(async () => {
    gateway = await startGateway();
    const { database } = gateway.db;
    leases = new LostLeases(database, new LeaseStore());
    retries = new DueRetries(database, new RetryStore());
    deadlines = new Deadlines(database, new DeadlineStore());
    watch = new WaitingWatch(database, new DeadlineStore());
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async (id: string) => bodyOf<TaskJson>(await gateway.owner.get(`/api/tasks/${id}`), 200);
  const pass = (column: string) =>
    query(`update tasks set ${column} = now() - interval '1 millisecond' where ${column} is not null`);
  const events = (type: string) =>
    query<{ data: Record<string, unknown> }>('select data from events where type = $1', [type]);
  const beat = (id: string, lease: Lease, more: object = {}) =>
    gateway.owner.post(`/api/tasks/${id}/heartbeat`, { lease: { id: lease.id, fence: lease.fence }, ...more });

  it('leave a live lease alone', async () => {
    const agent = await insertAgent(gateway.db);
    await createTask(gateway.owner);
    await claim(gateway.owner, agent.id);
    expect(await leases.runOnce()).toEqual({ reclaimed: 0 });
  });

  it('free a task whose agent fell silent, at once, with its checkpoint, and count the attempt', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner);
    const { lease } = await claim(gateway.owner, agent.id);
    await beat(id, lease, { progress: { page: 7 } });
    await pass('lease_expires_at');
    expect(await leases.runOnce()).toEqual({ reclaimed: 1 });
    expect(await leases.runOnce()).toEqual({ reclaimed: 0 });
    expect(await read(id)).toMatchObject({ status: 'inbox', attempts: 1, nextRetryAt: null, lease: null });
    expect(await events('lease.lost')).toMatchObject([{ data: { taskId: id, kind: 'abandoned', agentId: agent.id } }]);
    expect((await beat(id, lease)).body).toMatchObject({ code: 'lease_lost', holder: null });
    const again = await claim(gateway.owner, agent.id);
    expect(again).toMatchObject({ task: { id, attempts: 2, progress: { page: 7 } }, lease: { fence: 2 } });
    const attempts = await query('select fence, kind from task_attempts order by fence');
    expect(attempts).toEqual([
      { fence: '1', kind: 'abandoned' },
      { fence: '2', kind: null },
    ]);
  });

  it('give up a task whose agents vanish again and again', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner, { retryPolicy: { maximumAttempts: 2 } });
    for (const status of ['inbox', 'failed']) {
      await claim(gateway.owner, agent.id);
      await pass('lease_expires_at');
      await leases.runOnce();
      expect((await read(id)).status).toBe(status);
    }
    expect(await query('select reason from dead_letters')).toEqual([{ reason: 'attempts' }]);
  });

  describe('over a task whose agents vanish', () => {
    const vanish = async (agentId: string) => {
      await claim(gateway.owner, agentId);
      await pass('lease_expires_at');
      await leases.runOnce();
    };
    const reasons = async () =>
      (await query<{ reason: string }>('select reason from dead_letters order by id')).map(({ reason }) => reason);

    it('give it up after five in a row, with its history, and begin anew when it is replayed', async () => {
      const agent = await insertAgent(gateway.db);
      const { id } = await createTask(gateway.owner, { retryPolicy: { maximumAttempts: 50 } });
      const aRow = [...Array<string>(4).fill('inbox'), 'failed'];
      for (const status of [...aRow, ...aRow]) {
        await vanish(agent.id);
        expect((await read(id)).status).toBe(status);
        if (status !== 'failed') continue;
        const [letter] = bodyOf<{ items: { id: string }[] }>(await gateway.owner.get('/api/dead-letters'), 200).items;
        expect(letter).toMatchObject({
          reason: 'poison',
          attempts: expect.arrayContaining([expect.objectContaining({ kind: 'abandoned' })]),
        });
        bodyOf(await gateway.owner.post(`/api/dead-letters/${letter!.id}/replay`), 200);
      }
      expect(await reasons()).toEqual(['poison', 'poison']);
    });

    it('do not count what was given back, and begin anew after any other end', async () => {
      const agent = await insertAgent(gateway.db);
      const { id } = await createTask(gateway.owner, { retryPolicy: { initialInterval: 0.001, maximumAttempts: 50 } });
      const give = async (act: string, more: object = {}) => {
        const { lease } = await claim(gateway.owner, agent.id);
        bodyOf(await gateway.owner.post(`/api/tasks/${id}/${act}`, { lease, ...more }), 200);
        await pass('next_retry_at');
        await retries.runOnce();
      };
      for (let n = 0; n < 4; n += 1) await vanish(agent.id);
      await give('fail', { kind: 'transient', error: 'alive, at least' });
      for (let n = 0; n < 4; n += 1) await vanish(agent.id);
      await give('release');
      expect((await read(id)).status).toBe('inbox');
      await vanish(agent.id);
      expect((await read(id)).status).toBe('failed');
      expect(await reasons()).toEqual(['poison']);
    });

    it('give it up when the workspace says so, and stalled attempts are none of these', async () => {
      const agent = await insertAgent(gateway.db);
      await query(`update workspaces set settings = '{"poisonAfter": 2}'`);
      const { id } = await createTask(gateway.owner);
      await claim(gateway.owner, agent.id);
      await pass('stalled_at');
      await leases.runOnce();
      await vanish(agent.id);
      expect((await read(id)).status).toBe('inbox');
      await vanish(agent.id);
      expect(await reasons()).toEqual(['poison']);
    });
  });

  it('take back an offer that nobody acknowledged, without counting it', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner);
    const { organizationId, workspaceId } = gateway.db;
    await query(`select claim_task($1, $2, $3, gen_random_uuid(), false, 'system')`, [
      organizationId,
      workspaceId,
      agent.id,
    ]);
    expect((await read(id)).status).toBe('assigned');
    expect(await leases.runOnce()).toEqual({ reclaimed: 0 });
    await pass('ack_by');
    expect(await leases.runOnce()).toEqual({ reclaimed: 1 });
    expect(await read(id)).toMatchObject({ status: 'inbox', attempts: 0 });
  });

  it('take back a task without progress however often its lease is extended, but not while checkpoints come', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner);
    const { lease } = await claim(gateway.owner, agent.id);
    await beat(id, lease, { progress: 1 });
    await pass('stalled_at');
    await beat(id, lease, { progress: 2 });
    expect(await leases.runOnce()).toEqual({ reclaimed: 0 });
    await pass('stalled_at');
    await beat(id, lease, { progress: 2 });
    await beat(id, lease);
    expect(await leases.runOnce()).toEqual({ reclaimed: 1 });
    expect(await read(id)).toMatchObject({ status: 'inbox', progress: 2 });
  });

  it('end an attempt that takes too long, although it is alive, and try it again after a wait', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner, {
      executionTimeoutSeconds: 60,
      retryPolicy: { maximumAttempts: 2 },
    });
    await claim(gateway.owner, agent.id);
    await pass('timeout_at');
    await leases.runOnce();
    expect(await read(id)).toMatchObject({ status: 'inbox', attempts: 1, nextRetryAt: expect.any(String) });
    expect(await retries.runOnce()).toEqual({ freed: 0 });
    await pass('next_retry_at');
    expect(await retries.runOnce()).toEqual({ freed: 1 });
    await claim(gateway.owner, agent.id);
    await pass('timeout_at');
    await leases.runOnce();
    expect(await query('select reason from dead_letters')).toEqual([{ reason: 'timeout' }]);
  });

  it('give back the money of an attempt that was lost, and keep what it had reported', async () => {
    const agent = await insertAgent(gateway.db, { provider: 'openai' });
    await query("update agents set models = '{gpt-4o-mini}'");
    bodyOf(await gateway.owner.post('/api/budgets', { name: 'all', limitUsd: '1', period: 'day' }), 201);
    const { id } = await createTask(gateway.owner, { budgetUsd: '0.9' });
    const { lease } = await claim(gateway.owner, agent.id);
    await beat(id, lease, { usage: { inputTokens: 1_000_000, outputTokens: 0 } });
    await pass('lease_expires_at');
    await leases.runOnce();
    expect(await query('select held_nano, spent_nano from budget_windows')).toEqual([
      { held_nano: '0', spent_nano: '150000000' },
    ]);
  });

  it('tell once that a task is overdue, and again after its time was changed', async () => {
    const { id } = await createTask(gateway.owner, { dueAt: '2030-01-01T00:00:00Z' });
    expect(await deadlines.runOnce()).toEqual({ breached: 0, missed: 0, expired: 0 });
    await pass('breach_at');
    expect(await deadlines.runOnce()).toEqual({ breached: 1, missed: 0, expired: 0 });
    expect(await deadlines.runOnce()).toEqual({ breached: 0, missed: 0, expired: 0 });
    expect(await read(id)).toMatchObject({ status: 'inbox', breachedAt: expect.any(String) });
    bodyOf(await gateway.owner.patch(`/api/tasks/${id}`, { dueAt: '2031-01-01T00:00:00Z' }), 200);
    await pass('breach_at');
    expect(await deadlines.runOnce()).toEqual({ breached: 1, missed: 0, expired: 0 });
    expect(await events('task.due_breached')).toHaveLength(2);
  });

  it('end a task whose time is over as dead letter, also while somebody works on it', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner, { expiresAt: '2030-01-01T00:00:00Z' });
    const { lease } = await claim(gateway.owner, agent.id);
    await pass('expires_at');
    expect(await deadlines.runOnce()).toEqual({ breached: 0, missed: 0, expired: 1 });
    expect(await read(id)).toMatchObject({ status: 'failed', lease: null });
    expect((await beat(id, lease)).status).toBe(409);
    expect(await query('select reason from dead_letters')).toEqual([{ reason: 'timeout' }]);
  });

  it('do not hand out a task whose time is over, even before anybody noticed', async () => {
    const agent = await insertAgent(gateway.db);
    await createTask(gateway.owner, { expiresAt: '2030-01-01T00:00:00Z' });
    await pass('expires_at');
    expect((await gateway.owner.post(`/api/agents/${agent.id}/claim`)).status).toBe(204);
  });

  it('tell what a task waits for when nobody takes it, and only when that changes', async () => {
    const { id } = await createTask(gateway.owner, { requiredCapabilities: ['mandarin'] });
    expect(await watch.runOnce()).toEqual({ looked: 0, told: 0 });
    await pass('look_at');
    expect(await watch.runOnce()).toEqual({ looked: 1, told: 1 });
    await pass('look_at');
    expect(await watch.runOnce()).toEqual({ looked: 1, told: 0 });
    await insertAgent(gateway.db, { capabilities: [{ name: 'mandarin', level: 3 }] });
    await pass('look_at');
    expect(await watch.runOnce()).toEqual({ looked: 1, told: 1 });
    expect(await events('task.waiting')).toMatchObject([
      { data: { taskId: id, reason: 'no_able_agent', missingCapabilities: [{ name: 'mandarin', minLevel: 1 }] } },
      { data: { taskId: id, reason: 'no_agent_connected' } },
    ]);
  });

  it('free each lost task once when several schedulers look at the same time', async () => {
    const agent = await insertAgent(gateway.db, { maxConcurrent: 60 });
    const items = Array.from({ length: 60 }, (_, n) => ({ title: `task ${n}` }));
    bodyOf(await gateway.owner.post('/api/tasks/bulk', { items }), 201);
    await Promise.all(items.map(() => claim(gateway.owner, agent.id)));
    await pass('lease_expires_at');
    const other = new LostLeases(gateway.db.database, new LeaseStore());
    const runs = await Promise.all([leases.runOnce(), other.runOnce(), leases.runOnce(), other.runOnce()]);
    expect(runs.reduce((sum, run) => sum + run['reclaimed']!, 0)).toBe(60);
    expect(await events('lease.lost')).toHaveLength(60);
    expect(await query('select count(*)::int as n from tasks where attempts = 1')).toEqual([{ n: 60 }]);
  });
});
