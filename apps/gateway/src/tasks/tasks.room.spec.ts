import { claim, createTask, insertAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

const NOWHERE = '00000000-0000-4000-8000-000000000000';

describe('tasks', () => {
  let gateway: TestGateway;
  let workspace: { id: string; slug: string };
  let owner: ApiClient;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    workspace = await gateway.workspace(`room-${(number += 1)}`);
    owner = gateway.as(gateway.db.ownerKey, workspace.slug);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async (id: string) => bodyOf<TaskJson>(await owner.get(`/api/tasks/${id}`), 200);
  const transition = (id: string, body: object) => owner.post(`/api/tasks/${id}/transition`, body);
  const why = async (id: string) =>
    bodyOf<{ reason: string; candidates: { agent: string }[] }>(await owner.get(`/api/tasks/${id}/why`), 200);

  it('are created with everything that was said, and defaults for the rest', async () => {
    const agent = await insertAgent(gateway.db);
    const parent = await createTask(owner);
    const fields = {
      description: 'All of it',
      priority: 'high',
      requiredCapabilities: ['french', { name: 'archive', minLevel: 3 }, 'french'],
      assignee: agent.name,
      payload: { box: 7 },
      outputSchema: { type: 'object' },
      dueAt: '2030-01-01T00:00:00Z',
      expiresAt: '2030-01-02T00:00:00Z',
      slaTier: 'gold',
      sloSeconds: 60,
      retryPolicy: { initialInterval: 0.5 },
      executionTimeoutSeconds: 60,
      budgetUsd: '0.25',
      tokenBudget: 1000,
      parentId: parent.id,
      dependsOn: [parent.id],
      tags: ['mail', 'mail'],
    };
    expect(await createTask(owner, fields)).toMatchObject({
      ...fields,
      status: 'inbox',
      requiredCapabilities: [
        { name: 'archive', minLevel: 3 },
        { name: 'french', minLevel: 1 },
      ],
      assigneeId: agent.id,
      dueAt: '2030-01-01T00:00:00.000Z',
      expiresAt: '2030-01-02T00:00:00.000Z',
      retryPolicy: {
        initialInterval: 0.5,
        backoffCoefficient: 2,
        maximumInterval: 100,
        maximumAttempts: 5,
        nonRetryableErrors: [],
      },
      tags: ['mail'],
      attempts: 0,
      nextRetryAt: null,
    });
    expect(parent).toMatchObject({ priority: 'normal', assignee: null, requiredCapabilities: [], dependsOn: [] });
  });

  it.each([
    [{ title: '' }, 'title'],
    [{ priority: 'asap' }, 'priority'],
    [{ assignee: 'nobody' }, 'assignee'],
    [{ parentId: NOWHERE }, 'parentId'],
    [{ dependsOn: [NOWHERE] }, 'dependsOn'],
    [{ requiredCapabilities: [{ name: 'x', minLevel: 6 }] }, 'requiredCapabilities[0].minLevel'],
    [{ requiredCapabilities: [7] }, 'requiredCapabilities'],
    [{ outputSchema: { $ref: 'https://example.com/schema.json' } }, 'outputSchema'],
    [{ outputSchema: { type: 'nonsense' } }, 'outputSchema'],
    [{ dueAt: 'tomorrow' }, 'dueAt'],
    [{ retryPolicy: { maximumAttempts: 0 } }, 'retryPolicy.maximumAttempts'],
    [{ unknown: 1 }, 'unknown'],
  ])('refuse %j', async (fields, path) => {
    const answer = await owner.post('/api/tasks', { title: 'x', ...fields });
    expect(answer.status).toBe(422);
    expect((answer.body as { errors: { path: string }[] }).errors[0]?.path).toBe(path);
  });

  it('are created all or none in bulk, in the order of the request', async () => {
    const count = async () => (await query<{ n: number }>('select count(*)::int as n from tasks'))[0]?.n;
    const before = await count();
    const bad = await owner.post('/api/tasks/bulk', {
      items: [{ title: 'a' }, { title: 'b', parentId: NOWHERE }],
    });
    expect([bad.status, bad.body.errors[0].path]).toEqual([422, 'items[1].parentId']);
    expect(await count()).toBe(before);
    const items = Array.from({ length: 1_000 }, (_, n) => ({ title: `task ${n}` }));
    const made = bodyOf<{ items: TaskJson[] }>(await owner.post('/api/tasks/bulk', { items }), 201);
    expect(made.items.map((task) => task.title)).toEqual(items.map((item) => item.title));
    expect((await owner.post('/api/tasks/bulk', { items: [...items, { title: 'one more' }] })).status).toBe(422);
  });

  it('are listed by what is asked, page by page without a gap', async () => {
    const agent = await insertAgent(gateway.db);
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push(await createTask(owner, { tags: ['paged'], assignee: agent.id }));
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path = `/api/tasks?tag=paged&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page: { items: TaskJson[]; nextCursor: string | null } = bodyOf(await owner.get(path), 200);
      ids.push(...page.items.map((task) => task.id));
      cursor = page.nextCursor;
    }
    expect(ids).toEqual(made.map((task) => task.id).reverse());
    const count = async (search: string) =>
      bodyOf<{ items: unknown[] }>(await owner.get(`/api/tasks?tag=paged&${search}`), 200).items.length;
    expect(await count(`assignee=${agent.name}`)).toBe(5);
    expect(await count('assignee=nobody')).toBe(0);
    expect(await count('status=inbox,done')).toBe(5);
    expect(await count('status=done')).toBe(0);
    expect(await count('capability=french')).toBe(0);
  });

  it('change by what is named, clear by null, and refuse an old version', async () => {
    const task = await createTask(owner, { dueAt: '2030-01-01T00:00:00Z', tags: ['a'] });
    const patch = (body: object, version = '*') => owner.patch(`/api/tasks/${task.id}`, body, { 'if-match': version });
    expect(bodyOf(await patch({ priority: 'urgent', dueAt: null }, '"1"'), 200)).toMatchObject({
      priority: 'urgent',
      dueAt: null,
      tags: ['a'],
      title: task.title,
      version: 2,
    });
    expect((await patch({ title: 'late' }, '"1"')).status).toBe(412);
    expect((await patch({ title: null })).status).toBe(422);
    expect((await patch({ status: 'done' })).status).toBe(422);
    await owner.post(`/api/tasks/${task.id}/cancel`);
    expect((await patch({ title: 'late' })).status).toBe(409);
  });

  it('wait for what they depend on, and refuse to wait for themselves', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'chain', level: 3 }], maxConcurrent: 9 });
    const requiredCapabilities = ['chain'];
    const first = await createTask(owner, { requiredCapabilities });
    const second = await createTask(owner, { requiredCapabilities, dependsOn: [first.id], priority: 'urgent' });
    const circle = await owner.patch(`/api/tasks/${first.id}`, { dependsOn: [second.id] });
    expect([circle.status, circle.body.code]).toEqual([409, 'dependency_cycle']);
    const loop = await owner.patch(`/api/tasks/${first.id}`, { dependsOn: [first.id] });
    expect([loop.status, loop.body.code]).toEqual([409, 'dependency_cycle']);
    expect(await why(second.id)).toMatchObject({
      reason: 'dependency',
      waitsFor: [{ kind: 'task', id: first.id, status: 'inbox' }],
    });
    const { task, lease } = await claim(owner, agent.id);
    expect(task.id).toBe(first.id);
    expect((await owner.post(`/api/agents/${agent.id}/claim`)).status).toBe(204);
    const body = { lease: { id: lease.id, fence: lease.fence }, evidence: 'https://example.com/1' };
    bodyOf(await owner.post(`/api/tasks/${first.id}/complete`, body), 200);
    expect((await claim(owner, agent.id)).task.id).toBe(second.id);
  });

  it('never close a circle of dependencies, however many try at once', async () => {
    const tasks = await Promise.all(Array.from({ length: 6 }, () => createTask(owner)));
    const link = (from: number, to: number) =>
      owner.patch(`/api/tasks/${tasks[from]!.id}`, { dependsOn: [tasks[to]!.id] });
    const answers = await Promise.all(tasks.map((_, n) => link(n, (n + 1) % tasks.length)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 409]);
  });

  it('move only by the table, and say where they may go', async () => {
    const { id } = await createTask(owner);
    const illegal = await transition(id, { to: 'done', evidenceRef: 'x' });
    expect(illegal.status).toBe(409);
    expect(illegal.body).toMatchObject({
      code: 'illegal_transition',
      from: 'inbox',
      to: 'done',
      allowed: ['blocked', 'cancelled'],
    });
    const bare = await transition(id, { to: 'blocked' });
    expect([bare.status, bare.body.code]).toEqual([422, 'blocker_reason_required']);
    expect(bodyOf(await transition(id, { to: 'blocked', blockerReason: 'no key' }), 200)).toMatchObject({
      status: 'blocked',
    });
    expect(bodyOf(await transition(id, { to: 'inbox' }), 200)).toMatchObject({ status: 'inbox', blockerReason: null });
    expect(bodyOf(await owner.post(`/api/tasks/${id}/cancel`), 200)).toMatchObject({ status: 'cancelled' });
    expect((await owner.post(`/api/tasks/${id}/cancel`)).body).toMatchObject({
      code: 'illegal_transition',
      allowed: [],
    });
  });

  it('go through review to done with evidence, and take the lease away from whoever had it', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'reviewed', level: 3 }] });
    const { id } = await createTask(owner, { requiredCapabilities: ['reviewed'] });
    const { lease } = await claim(owner, agent.id);
    const bare = await transition(id, { to: 'review' });
    expect([bare.status, bare.body.code]).toEqual([422, 'evidence_required']);
    expect(await read(id)).toMatchObject({ status: 'in_progress', attempts: 1, lease: { fence: 1 } });
    bodyOf(await transition(id, { to: 'review', message: 'please look' }), 200);
    const beat = await owner.post(`/api/tasks/${id}/heartbeat`, { lease: { id: lease.id, fence: 1 } });
    expect([beat.status, beat.body.holder]).toEqual([409, null]);
    const unproven = await transition(id, { to: 'done' });
    expect([unproven.status, unproven.body.code]).toEqual([422, 'evidence_required']);
    expect(bodyOf(await transition(id, { to: 'done', evidenceRef: 'https://example.com/1' }), 200)).toMatchObject({
      status: 'done',
    });
  });

  it('cancelled while worked on tell the worker by the next heartbeat', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'cancelled', level: 3 }] });
    const { id } = await createTask(owner, { requiredCapabilities: ['cancelled'] });
    const { lease } = await claim(owner, agent.id);
    bodyOf(await owner.post(`/api/tasks/${id}/cancel`), 200);
    const beat = await owner.post(`/api/tasks/${id}/heartbeat`, { lease: { id: lease.id, fence: 1 } });
    expect(beat.body).toMatchObject({ code: 'lease_lost', holder: null });
  });

  it('say why nobody works on them', async () => {
    const { id } = await createTask(owner, { requiredCapabilities: [{ name: 'mandarin', minLevel: 4 }] });
    expect(await why(id)).toEqual({
      reason: 'no_able_agent',
      missingCapabilities: [{ name: 'mandarin', minLevel: 4 }],
      candidates: [],
    });
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'mandarin', level: 5 }], provider: 'openai' });
    expect(await why(id)).toMatchObject({
      reason: 'no_agent_connected',
      candidates: [{ agent: agent.name, score: expect.any(Number) }],
    });
    await query('update agents set paused_at = now() where id = $1', [agent.id]);
    expect(await why(id)).toMatchObject({ reason: 'paused', candidates: [{ refusal: 'paused' }] });
    await query('update agents set paused_at = null where id = $1', [agent.id]);
    await query(
      `insert into provider_parkings (organization_id, workspace_id, provider, until) values ($1, $2, 'openai', '2030-01-01')`,
      [gateway.db.organizationId, workspace.id],
    );
    expect(await why(id)).toMatchObject({ reason: 'quota', until: '2030-01-01T00:00:00.000Z' });
    await query('delete from provider_parkings');
    const { lease } = await claim(owner, agent.id);
    expect(await why(id)).toMatchObject({ reason: 'running' });
    const body = { lease: { id: lease.id, fence: 1 }, kind: 'transient', error: 'x' };
    await owner.post(`/api/tasks/${id}/fail`, body);
    expect(await why(id)).toMatchObject({ reason: 'retry_wait', until: expect.any(String) });
    await owner.post(`/api/tasks/${id}/cancel`);
    expect(await why(id)).toMatchObject({ reason: 'terminal' });
    const ranked = await owner.get(`/api/tasks/${id}/suitable-agents?strategy=fastest`);
    expect(bodyOf<{ items: unknown[] }>(ranked, 200).items).toMatchObject([
      { agent: agent.name, terms: { speed: { weight: 0.7 } } },
    ]);
    expect((await owner.get(`/api/tasks/${id}/suitable-agents?strategy=luckiest`)).status).toBe(422);
  });

  it('of another workspace do not exist', async () => {
    const { id } = await createTask(owner);
    const { slug } = await gateway.workspace(`walled-${Date.now()}`);
    const stranger = gateway.as(gateway.db.ownerKey, slug);
    const lease = { id: NOWHERE, fence: 1 };
    const answers = await Promise.all([
      stranger.get(`/api/tasks/${id}`),
      stranger.get(`/api/tasks/${id}/why`),
      stranger.patch(`/api/tasks/${id}`, { title: 'mine' }),
      stranger.post(`/api/tasks/${id}/cancel`),
      stranger.post(`/api/tasks/${id}/heartbeat`, { lease }),
      stranger.post(`/api/tasks/${id}/complete`, { lease, result: 1 }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 404));
    expect((await stranger.post('/api/tasks', { title: 'x', dependsOn: [id] })).status).toBe(422);
    const agent = await insertAgent(gateway.db);
    expect((await stranger.post(`/api/agents/${agent.id}/claim`)).status).toBe(204);
  });

  it('repeated with the same key are made once', async () => {
    const send = () => owner.post('/api/tasks', { title: 'once' }, { 'idempotency-key': 'mail-1' });
    const ids = [await send(), await send()].map((answer) => bodyOf<TaskJson>(answer, 201).id);
    expect(ids[0]).toBe(ids[1]);
  });
});
