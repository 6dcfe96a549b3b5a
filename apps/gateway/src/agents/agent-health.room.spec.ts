import { v7 as newId } from 'uuid';
import { taskDuties } from '../../../../test/support/duties.js';
import { claim, createTask, insertAgent, type Lease, type TaskJson } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { AgentView } from './agent.view.js';

describe('the health of an agent', () => {
  let gateway: TestGateway;
  let duties: ReturnType<typeof taskDuties>;
  let agent: { id: string; name: string };

  beforeAll(async () => {
    gateway = await startGateway();
    duties = taskDuties(gateway.db.database);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    await query('delete from tasks');
    agent = await insertAgent(gateway.db, { maxConcurrent: 5 });
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async () => bodyOf<AgentView>(await gateway.owner.get(`/api/agents/${agent.id}`), 200);
  const tryClaim = async () => {
    const answer = await gateway.owner.post(`/api/agents/${agent.id}/claim`);
    return answer.status === 204 ? answer.headers['houston-reason'] : 'claimed';
  };
  const begin = async (fields: object = {}) => {
    await createTask(gateway.owner, { ...fields });
    return claim(gateway.owner, agent.id);
  };
  const end = async ({ task, lease }: { task: TaskJson; lease: Lease }, how: 'fail' | 'complete' | 'release') => {
    const more = { fail: { kind: 'permanent', error: 'no' }, complete: { result: 1 }, release: {} }[how];
    bodyOf(
      await gateway.owner.post(`/api/tasks/${task.id}/${how}`, {
        lease: { id: lease.id, fence: lease.fence },
        ...more,
      }),
      200,
    );
  };
  const live = async (hows: ('fail' | 'complete' | 'release')[]) => {
    for (const how of hows) await end(await begin(), how);
  };
  const passTheOpening = async () => {
    await query(
      `update agent_presence set degraded_until = degraded_until - interval '2 hours', wake_at = now() where agent_id = $1`,
      [agent.id],
    );
    // What went before stays before.
    await query(
      `update task_attempts set started_at = started_at - interval '3 hours', ended_at = ended_at - interval '3 hours' where agent_id = $1`,
      [agent.id],
    );
    await query(`update tasks set leased_at = leased_at - interval '3 hours' where lease_agent_id = $1`, [agent.id]);
    await query('select note_due_agents($1, 100)', [gateway.db.organizationId]);
  };
  const openFor = async () => {
    const [row] = await query<{ seconds: number }>(
      'select extract(epoch from degraded_until - now())::float8 as seconds from agent_presence where agent_id = $1',
      [agent.id],
    );
    return row?.seconds ?? 0;
  };
  const breakerEvents = async () =>
    (
      await query<{ type: string; data: { reason: string } }>(
        `select type, data from events where type like 'agent.breaker%' and subject = $1 order by seq`,
        [`agent:${agent.id}`],
      )
    ).map(({ type, data }) => `${type.slice('agent.breaker_'.length)} ${data.reason}`);
  const offer = async () => {
    await query(`select claim_task($1, $2, $3, $4, false, 'system')`, [
      ...[gateway.db.organizationId, gateway.db.workspaceId, agent.id, newId()],
    ]);
    const [row] = await query<{ id: string; lease_id: string; lease_fence: string }>(
      `select id, lease_id, lease_fence from tasks where lease_agent_id = $1 and status = 'assigned'`,
      [agent.id],
    );
    return row!;
  };
  const leaveUnanswered = async (times: number) => {
    for (let n = 0; n < times; n += 1) {
      await offer();
      await query(`update tasks set ack_by = now() - interval '1 second' where ack_by is not null`);
      await duties.leases.runOnce();
    }
  };

  it('opens the breaker when half of at least five tasks failed, and then it gets no work and says until when', async () => {
    await live(['complete', 'complete', 'fail', 'fail']);
    expect(await read()).toMatchObject({ health: 'active', breakerState: { state: 'closed', until: null } });
    await live(['fail']);
    expect(await read()).toMatchObject({
      health: 'degraded',
      degradedReason: 'failing',
      breakerState: { state: 'open', reason: 'failing', until: expect.any(String) },
    });
    expect(await openFor()).toBeGreaterThan(100);
    const { id } = await createTask(gateway.owner, { assignee: agent.name });
    expect(await tryClaim()).toBe('paused');
    const why = bodyOf<{ until: string }>(await gateway.owner.get(`/api/tasks/${id}/why`), 200);
    expect(why).toMatchObject({
      reason: 'paused',
      until: (await read()).breakerState.until,
      candidates: [{ agent: agent.name, refusal: 'paused', degradedReason: 'failing' }],
    });
    expect(await breakerEvents()).toEqual(['opened failing']);
  });

  it('is not judged by what says nothing about the agent, nor by too few tasks, nor by what lies outside of the window', async () => {
    await live(['fail', 'fail', 'fail', 'fail', 'release', 'release', 'release']);
    expect((await read()).health).toBe('active');
    await query(`update task_attempts set ended_at = ended_at - interval '11 minutes' where agent_id = $1`, [agent.id]);
    await live(['fail', 'fail', 'fail', 'fail']);
    expect((await read()).health).toBe('active');
    await live(['fail']);
    expect((await read()).health).toBe('degraded');
  });

  it('counts a task once, however often it fails: a task that nobody can do condemns no agent', async () => {
    await live(['complete', 'complete', 'complete', 'complete']);
    await createTask(gateway.owner, { retryPolicy: { maximumAttempts: 20 } });
    for (let n = 0; n < 8; n += 1) {
      const { task, lease } = await claim(gateway.owner, agent.id);
      const body = { lease: { id: lease.id, fence: lease.fence }, kind: 'transient', error: 'never' };
      bodyOf(await gateway.owner.post(`/api/tasks/${task.id}/fail`, body), 200);
      await query('update tasks set next_retry_at = null, retry_reason = null');
    }
    expect((await read()).health).toBe('active');
  });

  it('lets one trial through when half open, and closes when that succeeds; the past is forgotten then', async () => {
    await live(['fail', 'fail', 'fail', 'fail', 'fail']);
    await passTheOpening();
    expect(await read()).toMatchObject({ health: 'degraded', breakerState: { state: 'half_open' } });
    const trial = await begin();
    await createTask(gateway.owner);
    expect(await tryClaim()).toBe('at_capacity');
    await end(trial, 'complete');
    expect(await read()).toMatchObject({ health: 'active', degradedReason: null, breakerState: { state: 'closed' } });
    await end(await claim(gateway.owner, agent.id), 'fail');
    await live(['fail', 'fail', 'fail']);
    expect((await read()).health).toBe('active');
    expect(await breakerEvents()).toEqual(['opened failing', 'half_opened failing', 'closed failing']);
  });

  it('opens again for twice as long when the trial fails, and asks for another when it was given back', async () => {
    await live(['fail', 'fail', 'fail', 'fail', 'fail']);
    await passTheOpening();
    await end(await begin(), 'release');
    expect((await read()).breakerState.state).toBe('half_open');
    await end(await claim(gateway.owner, agent.id), 'fail');
    expect((await read()).breakerState.state).toBe('open');
    expect(await openFor()).toBeGreaterThan(200);
    expect(await openFor()).toBeLessThanOrEqual(240);
  });

  it('is not judged in its trial by what it had begun before', async () => {
    const before = await begin();
    await live(['fail', 'fail', 'fail', 'fail', 'fail']);
    await passTheOpening();
    const trial = await begin();
    await end(before, 'fail');
    expect((await read()).breakerState.state).toBe('half_open');
    await end(trial, 'complete');
    expect((await read()).breakerState.state).toBe('closed');
  });

  it('opens once when its attempts fail at the same moment', async () => {
    const begun = [];
    for (let n = 0; n < 5; n += 1) begun.push(await begin());
    await Promise.all(begun.map((one) => end(one, 'fail')));
    expect(await breakerEvents()).toEqual(['opened failing']);
    expect(await openFor()).toBeLessThanOrEqual(120);
  });

  it('is deaf after three offers in a row that it did not acknowledge', async () => {
    await createTask(gateway.owner);
    await leaveUnanswered(2);
    expect((await read()).degradedReason).toBeNull();
    await leaveUnanswered(1);
    expect(await query('select health, degraded_reason from agent_presence where agent_id = $1', [agent.id])).toEqual([
      { health: 'degraded', degraded_reason: 'deaf' },
    ]);
    expect(await tryClaim()).toBe('paused');
    const { id } = await createTask(gateway.owner, { assignee: agent.name });
    const why = bodyOf(await gateway.owner.get(`/api/tasks/${id}/why`), 200);
    expect(why).toMatchObject({ reason: 'paused', candidates: [{ agent: agent.name, degradedReason: 'deaf' }] });
    expect(await breakerEvents()).toEqual(['opened deaf']);
  });

  it('is not deaf when it acknowledges one of them, even the last in time', async () => {
    await createTask(gateway.owner, { priority: 'low' });
    await leaveUnanswered(2);
    const { id, lease_id: lease, lease_fence: fence } = await offer();
    const acknowledged = await query<{ verdict: string }>(
      'select verdict from acknowledge_tasks($1, jsonb_build_array($2::jsonb))',
      [
        gateway.db.organizationId,
        { workspace_id: gateway.db.workspaceId, id, lease, fence, agent: agent.id, actor: 'system' },
      ],
    );
    expect(acknowledged).toEqual([{ verdict: 'held' }]);
    await createTask(gateway.owner, { priority: 'low' });
    await leaveUnanswered(1);
    expect((await read()).degradedReason).toBeNull();
    await leaveUnanswered(2);
    expect((await read()).degradedReason).toBe('deaf');
  });

  it('hears again as soon as it takes its trial, and is deaf for longer when it does not', async () => {
    await createTask(gateway.owner);
    await leaveUnanswered(3);
    await passTheOpening();
    await leaveUnanswered(1);
    expect(await openFor()).toBeGreaterThan(200);
    await passTheOpening();
    await claim(gateway.owner, agent.id);
    expect(await read()).toMatchObject({ health: 'active', breakerState: { state: 'closed' } });
    expect(await breakerEvents()).toEqual([
      ...['opened deaf', 'half_opened deaf', 'opened deaf', 'half_opened deaf', 'closed deaf'],
    ]);
  });

  it('is judged as its owner wants it, and given work again by hand', async () => {
    const breaker = { failureRate: 1, minimumTasks: 2, openSeconds: 10 };
    const set = bodyOf<AgentView>(await gateway.owner.patch(`/api/agents/${agent.id}`, { breaker }), 200);
    expect(set.breaker).toEqual({ ...breaker, windowSeconds: 600, unansweredOffers: 3 });
    await live(['complete', 'fail', 'fail']);
    expect((await read()).health).toBe('active');
    await query(`update task_attempts set ended_at = ended_at - interval '11 minutes' where kind = 'succeeded'`);
    await live(['fail']);
    expect(await openFor()).toBeLessThanOrEqual(10);
    expect((await read()).health).toBe('degraded');
    const resumed = bodyOf<AgentView>(await gateway.owner.post(`/api/agents/${agent.id}/resume`), 200);
    expect(resumed).toMatchObject({ health: 'active', breakerState: { state: 'closed' } });
    await live(['fail']);
    expect((await read()).health).toBe('active');
    const answer = await gateway.owner.patch(`/api/agents/${agent.id}`, { breaker: { failureRate: 2 } });
    expect(answer.status).toBe(422);
    const cleared = bodyOf<AgentView>(await gateway.owner.patch(`/api/agents/${agent.id}`, { breaker: null }), 200);
    expect(cleared.breaker).toMatchObject({ failureRate: 0.5, minimumTasks: 5 });
  });
});
