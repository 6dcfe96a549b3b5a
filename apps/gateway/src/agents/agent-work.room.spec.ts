import { v7 as newId } from 'uuid';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { AgentView } from './agent.view.js';
import type { CapacityView, MetricsView } from './agent-work.view.js';

describe('the registry and the work of agents', () => {
  let gateway: TestGateway;
  let made = 0;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const create = async (body: Record<string, unknown> = {}) =>
    bodyOf<AgentView>(await gateway.owner.post('/api/agents', { name: `agent ${(made += 1)}`, ...body }), 201);
  const patch = async (id: string, body: Record<string, unknown>) =>
    bodyOf<AgentView>(await gateway.owner.patch(`/api/agents/${id}`, body), 200);
  const get = async (id: string) => bodyOf<AgentView>(await gateway.owner.get(`/api/agents/${id}`), 200);
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const names = async (filter: string) =>
    bodyOf<{ items: AgentView[] }>(await gateway.owner.get(`/api/agents?${filter}`), 200).items.map(
      (item) => item.name,
    );
  const task = async () => {
    const [row] = await query<{ id: string }>('select id from create_tasks($1, $2, $3, $4)', [
      gateway.db.organizationId,
      gateway.db.workspaceId,
      'system',
      JSON.stringify([{ id: newId(), title: 'a task', priority: 'normal' }]),
    ]);
    return row!.id;
  };
  const claim = async (agentId: string) => {
    const [row] = await query<{ verdict: string }>('select verdict from claim_task($1, $2, $3, $4, true, $5)', [
      gateway.db.organizationId,
      gateway.db.workspaceId,
      agentId,
      newId(),
      'system',
    ]);
    return row!.verdict;
  };
  const eventTypes = async (id: string) =>
    (
      await query<{ type: string }>('select type from events where subject = $1 order by position, seq', [
        `agent:${id}`,
      ])
    ).map((event) => event.type);

  it('keep all that is said of an agent, and defaults for the rest', async () => {
    const friend = await create();
    const said = {
      version: '2.1.0-beta',
      role: 'researcher',
      level: 'lead',
      capabilities: [{ name: 'writing', level: 5 }, 'research'],
      maxConcurrent: 3,
      models: ['gpt-4o'],
      provider: 'openai',
      costPerTaskUsd: 0.05,
      sessionKey: 'agent:main',
      tokenProfile: 'heavy',
      limits: { maxOutputTokens: 4096 },
      dependsOn: [friend.id],
      lifecycle: 'beta',
      weekly: { timezone: 'Europe/Paris', windows: [{ day: 'monday', from: '09:00', to: '17:30' }] },
    };
    const agent = await create(said);
    expect(agent).toMatchObject({
      ...said,
      capabilities: [
        { name: 'research', level: 3 },
        { name: 'writing', level: 5 },
      ],
      costPerTaskUsd: '0.05',
      dependsOn: [friend.name],
      revision: 1,
      state: 'offline',
      health: 'offline',
      enabled: true,
    });
    expect(friend).toMatchObject({
      version: '1.0.0',
      level: 'specialist',
      maxConcurrent: 1,
      tokenProfile: 'normal',
      weekly: null,
    });
  });

  it('are found by capability, state, lifecycle and free text', async () => {
    const agent = await create({ capabilities: ['divination'], role: 'Oracle of Delphi', lifecycle: 'beta' });
    expect(await names('capability=divination')).toEqual([agent.name]);
    expect(await names('capability=divin')).toEqual([]);
    expect(await names('q=delphi&lifecycle=beta&state=offline')).toEqual([agent.name]);
    expect(await names('q=delphi&lifecycle=active')).toEqual([]);
    expect(await names('q=delphi&status=idle')).toEqual([]);
    await claim(agent.id);
    expect(await names('q=delphi&status=idle')).toEqual([agent.name]);
    bodyOf(await gateway.owner.get('/api/agents?status=asleep'), 422);
  });

  it('keep every version, and make none when nothing changes or an agent is only paused', async () => {
    const agent = await create({ description: 'first' });
    await patch(agent.id, { description: 'second', capabilities: ['b', 'a'] });
    await patch(agent.id, { capabilities: [{ name: 'a', level: 3 }, 'b'], description: 'second' });
    bodyOf(await gateway.owner.post(`/api/agents/${agent.id}/pause`), 200);
    bodyOf(await gateway.owner.post(`/api/agents/${agent.id}/resume`), 200);
    const versions = bodyOf<{ items: { revision: number; description: string }[]; nextCursor: string }>(
      await gateway.owner.get(`/api/agents/${agent.id}/versions?limit=1`),
      200,
    );
    expect(versions.items).toMatchObject([
      { revision: 2, description: 'second', capabilities: [{ name: 'a' }, { name: 'b' }] },
    ]);
    const rest = await gateway.owner.get(`/api/agents/${agent.id}/versions?cursor=${versions.nextCursor}`);
    expect(bodyOf(rest, 200)).toMatchObject({ items: [{ revision: 1, description: 'first' }], nextCursor: null });
  });

  it('get no new work once deprecated, name their successor, and lose it when they come back', async () => {
    const successor = await create();
    const agent = await create();
    await task();
    expect(await patch(agent.id, { lifecycle: 'deprecated', replacedBy: successor.name })).toMatchObject({
      lifecycle: 'deprecated',
      replacedBy: successor.name,
    });
    expect(await claim(agent.id)).not.toBe('claimed');
    const circle = { lifecycle: 'deprecated', replacedBy: agent.id };
    bodyOf(await gateway.owner.patch(`/api/agents/${successor.id}`, circle), 422);
    expect(await patch(agent.id, { lifecycle: 'active' })).toMatchObject({ replacedBy: null });
    expect(await claim(agent.id)).toBe('claimed');
    bodyOf(await gateway.owner.patch(`/api/agents/${agent.id}`, { replacedBy: successor.id }), 422);
  });

  it('are paused, drained and resumed, each change once in the ledger', async () => {
    const agent = await create();
    await task();
    await claim(agent.id);
    for (const [act, state] of [
      ['pause', 'paused'],
      ['pause', 'paused'],
      ['drain', 'draining'],
      ['resume', 'working'],
      ['resume', 'working'],
    ]) {
      const answer = await gateway.owner.post(`/api/agents/${agent.id}/${act}`, {});
      expect(bodyOf(answer, 200)).toMatchObject({ state });
    }
    expect(await eventTypes(agent.id)).toEqual([
      'agent.created',
      ...Array<string>(3).fill('agent.state_changed'),
      'agent.health_changed',
      ...['agent.paused', 'agent.state_changed'],
      ...['agent.drained', 'agent.state_changed'],
      ...['agent.resumed', 'agent.state_changed'],
    ]);
    bodyOf(await gateway.owner.post(`/api/agents/${newId()}/pause`), 404);
  });

  it('take nothing while paused', async () => {
    const agent = await create();
    await task();
    bodyOf(await gateway.owner.post(`/api/agents/${agent.id}/pause`, { reason: 'upgrade' }), 200);
    expect(await claim(agent.id)).toBe('paused');
  });

  it('return their leases when disabled, without costing the task an attempt', async () => {
    const agent = await create({ maxConcurrent: 50 });
    await task();
    while ((await claim(agent.id)) === 'claimed') continue;
    const held = await query<{ id: string }>('select id from tasks where lease_agent_id = $1', [agent.id]);
    expect(held.length).toBeGreaterThan(0);
    expect(await patch(agent.id, { enabled: false })).toMatchObject({
      enabled: false,
      state: 'offline',
      health: 'offline',
    });
    const returned = await query('select distinct status, attempts, lease_id from tasks where id = any($1::uuid[])', [
      held.map(({ id }) => id),
    ]);
    expect(returned).toEqual([{ status: 'inbox', attempts: 0, lease_id: null }]);
    expect(await claim(agent.id)).not.toBe('claimed');
    await patch(agent.id, { enabled: true });
    expect(await claim(agent.id)).toBe('claimed');
  });

  it('end a disabling with no lease left, whoever claims at the same time', async () => {
    const agents = await Promise.all(Array.from({ length: 6 }, () => create({ maxConcurrent: 20 })));
    await Promise.all(Array.from({ length: 40 }, task));
    await Promise.all(
      agents.flatMap(({ id }) => [
        ...Array.from({ length: 6 }, () => claim(id)),
        patch(id, { enabled: false }),
        ...Array.from({ length: 6 }, () => claim(id)),
      ]),
    );
    const ids = agents.map(({ id }) => id);
    expect(await query('select id from tasks where lease_agent_id = any($1::uuid[])', [ids])).toEqual([]);
  });

  it('tell and change their capacity and hours', async () => {
    const agent = await create();
    const weekly = { timezone: 'Asia/Kathmandu', windows: [{ day: 7, from: '22:00', to: '06:00' }] };
    const set = await gateway.owner.post(`/api/agents/${agent.id}/capacity/set`, { maxConcurrent: 4, weekly });
    expect(bodyOf(set, 200)).toMatchObject({
      ...{ maxConcurrent: 4, inFlight: 0, free: 4 },
      weekly: { timezone: 'Asia/Kathmandu', windows: [{ day: 'sunday', from: '22:00', to: '06:00' }] },
    });
    expect(bodyOf(await gateway.owner.get(`/api/agents/${agent.id}/capacity`), 200)).toEqual(set.body);
    const never = await gateway.owner.post(`/api/agents/${agent.id}/capacity/set`, { weekly: { windows: [] } });
    expect(bodyOf(never, 200)).toMatchObject({ maxConcurrent: 4, availableNow: false, availableFrom: null });
    await task();
    expect(await claim(agent.id)).not.toBe('claimed');
    const always = await gateway.owner.post(`/api/agents/${agent.id}/capacity/set`, { weekly: null });
    expect(bodyOf<CapacityView>(always, 200)).toMatchObject({ weekly: null, availableNow: true });
    expect(await claim(agent.id)).toBe('claimed');
    const busy = await gateway.owner.get(`/api/agents/${agent.id}/capacity`);
    expect(bodyOf(busy, 200)).toMatchObject({ inFlight: 1, free: 3 });
    expect((await get(agent.id)).revision).toBe(4);
  });

  it.each([
    ['a level beyond 5', { capabilities: [{ name: 'a', level: 6 }] }, 'capabilities[0].level'],
    ['a capability twice', { capabilities: ['a', { name: 'a', level: 1 }] }, 'capabilities'],
    ['a capacity of nothing', { maxConcurrent: 0 }, 'maxConcurrent'],
    ['an unknown level', { level: 'boss' }, 'level'],
    ['an unknown zone', { weekly: { timezone: 'Mars/Base', windows: [] } }, 'weekly.timezone'],
    [
      'an hour that is none',
      { weekly: { windows: [{ day: 'monday', from: '9', to: '10:00' }] } },
      'weekly.windows[0].from',
    ],
    ['an empty window', { weekly: { windows: [{ day: 1, from: '09:00', to: '09:00' }] } }, 'weekly.windows[0].to'],
    ['a dependency on nobody', { dependsOn: ['nobody'] }, 'dependsOn[0]'],
    ['a negative cost', { costPerTaskUsd: '-1' }, 'costPerTaskUsd'],
    ['a null where it means nothing', { maxConcurrent: null }, 'maxConcurrent'],
    ['a successor of one in service', { replacedBy: 'agent 1' }, 'replacedBy'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const { id } = await create();
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.patch(`/api/agents/${id}`, body), 422);
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('sum up what an agent did in one workspace and not in another', async () => {
    const agent = await create();
    const empty = await gateway.owner.get(`/api/agents/${agent.id}/metrics`);
    expect(bodyOf(empty, 200)).toMatchObject({
      attempts: 0,
      successRate: null,
      latencyP50Ms: null,
      costPerTaskUsd: null,
    });
    const outcomes = [...Array<string>(9).fill('succeeded'), 'transient', 'quota', 'released'];
    for (const [index, kind] of outcomes.entries()) {
      await query(
        `insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, started_at, ended_at, kind)
         values ($1, $2, $3, 1, $4, $5, now() - $6 * interval '1 second', now(), $7)`,
        [
          gateway.db.organizationId,
          gateway.db.workspaceId,
          await task(),
          kind === 'transient' ? 2 : 1,
          agent.id,
          index + 1,
          kind,
        ],
      );
    }
    const metrics = bodyOf<MetricsView>(await gateway.owner.get(`/api/agents/${agent.id}/metrics`), 200);
    expect(metrics).toMatchObject({
      attempts: 12,
      succeeded: 9,
      failed: 1,
      successRate: 0.9,
      retries: 1,
      latencyP50Ms: 5000,
    });
    expect(metrics.latencyP95Ms).toBe(8600);
    const elsewhere = await gateway.workspace('metrics-elsewhere');
    const there = await gateway.as(gateway.db.ownerKey, elsewhere.slug).get(`/api/agents/${agent.id}/metrics`);
    expect(bodyOf(there, 200)).toMatchObject({ attempts: 0 });
  });

  it('let members change agents and viewers only look', async () => {
    const { id } = await create();
    const viewer = gateway.as(await gateway.key({ role: 'viewer' }));
    const member = gateway.as(await gateway.key({ role: 'member' }));
    bodyOf(await viewer.post(`/api/agents/${id}/pause`), 403);
    bodyOf(await viewer.get(`/api/agents/${id}/capacity`), 200);
    bodyOf(await member.post(`/api/agents/${id}/pause`), 200);
  });
});
