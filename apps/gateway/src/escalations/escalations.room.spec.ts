import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

interface Rule {
  id: string;
  name: string;
  trigger: string;
  [field: string]: unknown;
}

interface Escalation {
  id: string;
  ruleId: string;
  taskId: string;
  level: number;
  status: string;
  reason: string;
  actions: { type: string; done: boolean; detail?: string }[];
  [field: string]: unknown;
}

interface Evaluation {
  items: { ruleId: string; holds: boolean; fired: boolean; at: string | null; escalationId: string | null }[];
}

const RULE = {
  name: 'Blocked',
  match: { status: 'blocked' },
  trigger: 'timeInStatus',
  threshold: 60,
  actions: ['notify'],
};

describe('rules of escalation', () => {
  let gateway: TestGateway;
  let client: ApiClient;
  let workspaceId: string;
  let places = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    const { id, slug } = await gateway.workspace(`rules-${(places += 1)}`);
    workspaceId = id;
    client = gateway.as(gateway.db.ownerKey, slug);
    const { items } = bodyOf<{ items: Rule[] }>(await client.get('/api/escalation-rules'), 200);
    for (const rule of items) bodyOf(await client.delete(`/api/escalation-rules/${rule.id}`), 204);
  });

  const sql = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(text, values));
  const create = async (fields: Record<string, unknown> = {}) =>
    bodyOf<Rule>(await client.post('/api/escalation-rules', { ...RULE, ...fields }), 201);
  const evaluate = async (taskId: string) =>
    bodyOf<Evaluation>(await client.post(`/api/escalation-rules/evaluate/${taskId}`), 200);
  const escalations = async (query = '') =>
    bodyOf<{ items: Escalation[] }>(await client.get(`/api/escalations${query}`), 200).items;
  const blockedTask = async (fields: Record<string, unknown> = {}, seconds = 120) => {
    const { id } = await createTask(client, fields);
    bodyOf(await client.post(`/api/tasks/${id}/transition`, { to: 'blocked', blockerReason: 'No stamps' }), 200);
    await sql(`update tasks set status_since = now() - make_interval(secs => $2) where id = $1`, [id, seconds]);
    return id;
  };

  it('are there from the beginning in every workspace', async () => {
    const { slug } = await gateway.workspace('fresh');
    const { items } = bodyOf<{ items: Rule[] }>(
      await gateway.as(gateway.db.ownerKey, slug).get('/api/escalation-rules'),
      200,
    );
    expect(
      items
        .map(({ trigger, threshold, match, maxDepth, enabled }) => [trigger, threshold, match, maxDepth, enabled])
        .sort(),
    ).toEqual(
      [
        ['failedAttempts', 3, {}, 3, true],
        ['sloConsumed', 75, {}, 3, true],
        ['timeInStatus', 1800, { status: ['blocked'] }, 3, true],
        ['timeInStatus', 3600, { priority: ['urgent'], status: ['review'] }, 3, true],
        ['timeInStatus', 7200, { status: ['in_progress'] }, 3, true],
      ].sort(),
    );
  });

  it('are made, read, changed with If-Match, and deleted', async () => {
    const made = await client.post('/api/escalation-rules', {
      ...RULE,
      condition: "task.priority == 'urgent'",
      levels: [{ actions: ['notify'] }, { actions: ['raisePriority', 'webhook'] }],
    });
    const rule = bodyOf<Rule>(made, 201);
    expect(rule).toMatchObject({
      ...RULE,
      condition: "task.priority == 'urgent'",
      cooldownSeconds: 3600,
      maxDepth: 3,
      levels: [{ actions: ['notify'] }, { actions: ['raisePriority', 'webhook'] }],
    });
    const path = `/api/escalation-rules/${rule.id}`;
    expect(bodyOf(await client.get(path), 200)).toEqual(rule);
    const etag = made.headers['etag'] as string;
    const changed = bodyOf<Rule>(
      await client.patch(path, { threshold: 90, condition: null }, { 'if-match': etag }),
      200,
    );
    expect(changed).toMatchObject({ threshold: 90, condition: null, actions: ['notify'] });
    bodyOf(await client.patch(path, { threshold: 10 }, { 'if-match': etag }), 412);
    bodyOf(await client.delete(path), 204);
    bodyOf(await client.get(path), 404);
  });

  it.each([
    ['does not parse', { condition: 'task.priority ==' }, 'invalid_condition'],
    ['names an unknown variable', { condition: 'user.isRoot' }, 'invalid_condition'],
    ['names an unknown function', { condition: 'fetch(task.title)' }, 'invalid_condition'],
    ['is not boolean', { condition: 'task.title' }, 'invalid_condition'],
    ['is longer than 2,000 characters', { condition: `true || ${' '.repeat(2_000)}true` }, 'invalid_values'],
    ['has a pattern that is none', { trigger: 'errorPattern', threshold: '(', match: {} }, 'invalid_values'],
    [
      'has a pattern with a back reference',
      { trigger: 'errorPattern', threshold: '(a)\\1', match: {} },
      'invalid_values',
    ],
    ['has a pattern where a number belongs', { threshold: '60' }, 'invalid_values'],
    ['has a number where a pattern belongs', { trigger: 'errorPattern', match: {} }, 'invalid_values'],
    ['counts half an attempt', { trigger: 'failedAttempts', threshold: 1.5 }, 'invalid_values'],
    ['matches an unknown status', { match: { status: 'asleep' } }, 'invalid_values'],
    ['matches by an unknown field', { match: { color: 'red' } }, 'invalid_values'],
    ['matches agents by status', { trigger: 'agentSilent', match: { status: 'blocked' } }, 'invalid_values'],
    ['blocks an agent', { trigger: 'agentSilent', match: {}, actions: ['block'] }, 'invalid_values'],
    ['does nothing', { actions: [] }, 'invalid_values'],
    ['does something unknown', { actions: ['explode'] }, 'invalid_values'],
    ['tells nobody', { actions: [{ type: 'notify', recipients: [] }] }, 'invalid_values'],
    ['tells an unknown role', { actions: [{ type: 'notify', recipients: [{ role: 'king' }] }] }, 'invalid_values'],
    [
      'asks those for an approval who cannot give it',
      { actions: [{ type: 'requestApproval', recipients: [{ role: 'viewer' }] }] },
      'invalid_values',
    ],
    ['gives work to nobody', { actions: [{ type: 'reassign', agent: 'nobody-here' }] }, 'unknown_agent'],
    ['goes too deep', { maxDepth: 11 }, 'invalid_values'],
    ['has no cooldown', { cooldownSeconds: 0 }, 'invalid_values'],
  ])('are refused when one %s', async (_, fields, code) => {
    const answer = await client.post('/api/escalation-rules', { ...RULE, ...fields });
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([422, code]);
  });

  it('fire when somebody asks, once, and tell how each stands', async () => {
    const rule = await create();
    const later = await create({ name: 'Later', threshold: 100_000 });
    const conditional = await create({ name: 'Conditional', condition: "'eu' in task.tags" });
    const task = await blockedTask();
    const first = await evaluate(task);
    const of = (id: string, { items }: Evaluation) => items.find((item) => item.ruleId === id);
    expect(of(rule.id, first)).toMatchObject({ holds: true, fired: true, escalationId: expect.any(String) });
    expect(of(later.id, first)).toMatchObject({ holds: false, fired: false, at: expect.any(String) });
    expect(of(conditional.id, first)).toMatchObject({ holds: false, fired: false, escalationId: null });
    expect(of(rule.id, await evaluate(task))).toMatchObject({ holds: true, fired: false });
    expect(await escalations(`?taskId=${task}`)).toMatchObject([
      { ruleId: rule.id, taskId: task, level: 1, status: 'open', reason: expect.stringContaining('blocked') },
    ]);
    bodyOf(await client.post(`/api/escalation-rules/evaluate/${rule.id}`), 404);
  });

  it('are held against everything on demand, in this workspace alone', async () => {
    await create();
    const tasks = [await blockedTask(), await blockedTask()];
    const other = await gateway.workspace(`other-${places}`);
    const there = gateway.as(gateway.db.ownerKey, other.slug);
    const { id } = await createTask(there);
    bodyOf(await there.post(`/api/tasks/${id}/transition`, { to: 'blocked', blockerReason: 'x' }), 200);
    await sql(`update tasks set status_since = now() - interval '1 day' where id = $1`, [id]);
    expect(bodyOf(await client.post('/api/escalation-rules/check-all'), 200)).toMatchObject({
      raised: 2,
      finished: true,
    });
    expect((await escalations()).map((one) => one.taskId).sort()).toEqual([...tasks].sort());
    expect(bodyOf<{ items: unknown[] }>(await there.get('/api/escalations'), 200).items).toEqual([]);
  });

  it('say by whom an escalation was acknowledged and resolved, and begin anew after that', async () => {
    const rule = await create({ cooldownSeconds: 60 });
    const task = await blockedTask();
    await evaluate(task);
    const [raised] = await escalations(`?ruleId=${rule.id}&status=open`);
    const path = `/api/escalations/${raised?.id}`;
    expect(bodyOf(await client.post(`${path}/acknowledge`), 200)).toMatchObject({
      status: 'acknowledged',
      acknowledgedBy: expect.stringMatching(/^key:/),
    });
    bodyOf(await client.post(`${path}/acknowledge`), 200);
    expect(bodyOf(await client.post(`${path}/resolve`, { resolution: 'Stamps came' }), 200)).toMatchObject({
      status: 'resolved',
      resolution: 'Stamps came',
    });
    bodyOf(await client.post(`${path}/resolve`), 200);
    bodyOf(await client.post(`${path}/acknowledge`), 409);
    await evaluate(task);
    expect(await escalations('?status=open')).toEqual([]);
    await sql(`update escalation_watches set cooldown_until = now(), due_at = now() where workspace_id = $1`, [
      workspaceId,
    ]);
    await evaluate(task);
    expect(await escalations('?status=open')).toMatchObject([{ level: 1 }]);
    const types = await sql<{ type: string }>(
      `select type from events where workspace_id = $1 and type like 'escalation.%' order by seq`,
      [workspaceId],
    );
    expect(types.map(({ type }) => type)).toEqual([
      'escalation.raised',
      'escalation.acknowledged',
      'escalation.resolved',
      'escalation.raised',
    ]);
  });

  it('raise a priority, take work away and give it to another', async () => {
    const { id: one } = await insertAgent(gateway.db, { capabilities: [{ name: `sort-${places}`, level: 3 }] });
    const { id: other } = await insertAgent(gateway.db, { capabilities: [{ name: `sort-${places}`, level: 3 }] });
    await create({ match: { status: 'in_progress' }, actions: ['raisePriority', 'reassign'] });
    const { id } = await createTask(client, { requiredCapabilities: [`sort-${places}`] });
    const { lease } = await claim(client, one);
    await sql(`update tasks set status_since = now() - interval '2 minutes' where id = $1`, [id]);
    await evaluate(id);
    const task = bodyOf<Record<string, unknown>>(await client.get(`/api/tasks/${id}`), 200);
    expect(task).toMatchObject({ priority: 'high', status: 'inbox', attempts: 0 });
    expect(await escalations()).toMatchObject([
      {
        actions: [
          { type: 'raisePriority', done: true, detail: 'From normal to high' },
          { type: 'reassign', done: true, detail: `To agent ${other}` },
        ],
      },
    ]);
    expect((await client.post(`/api/tasks/${id}/complete`, { lease, result: 'x' })).status).toBe(409);
    bodyOf(await client.post(`/api/agents/${one}/claim`), 204);
    expect((await claim(client, other)).task.id).toBe(id);
  });

  it('block what they were told to block, and resolve because of it', async () => {
    const { id: agent } = await insertAgent(gateway.db);
    await create({ match: { status: 'in_progress' }, actions: ['block'] });
    const { id } = await createTask(client, { assignee: agent });
    await claim(client, agent);
    await sql(`update tasks set status_since = now() - interval '2 minutes' where id = $1`, [id]);
    await evaluate(id);
    expect(bodyOf(await client.get(`/api/tasks/${id}`), 200)).toMatchObject({
      status: 'blocked',
      blockerReason: expect.stringContaining('in_progress'),
    });
    await evaluate(id);
    expect(await escalations()).toMatchObject([{ status: 'resolved' }]);
  });

  it('ask for an approval, for which the task waits, and not twice', async () => {
    const { id: agent } = await insertAgent(gateway.db);
    await create({ match: { status: 'inbox' }, actions: ['requestApproval'], cooldownSeconds: 1 });
    const { id } = await createTask(client, { assignee: agent });
    await sql(`update tasks set status_since = now() - interval '2 minutes' where id = $1`, [id]);
    await evaluate(id);
    const { items } = bodyOf<{ items: { id: string; status: string; assignees: unknown }[] }>(
      await client.get(`/api/approvals?taskId=${id}`),
      200,
    );
    expect(items).toMatchObject([{ status: 'pending', assignees: [{ role: 'owner' }, { role: 'admin' }] }]);
    expect((await client.post(`/api/agents/${agent}/claim`)).status).toBe(204);
    expect(bodyOf(await client.get(`/api/tasks/${id}/why`), 200)).toMatchObject({ reason: 'approval' });
    await sql(`update escalation_watches set cooldown_until = now(), due_at = now() where workspace_id = $1`, [
      workspaceId,
    ]);
    await evaluate(id);
    const [again] = await escalations('?status=open');
    expect(again).toMatchObject({ level: 2, actions: [{ type: 'requestApproval', done: false }] });
    bodyOf(await client.post(`/api/approvals/${items[0]!.id}/resolve`, { decision: 'approve' }), 200);
    expect((await claim(client, agent)).task.id).toBe(id);
  });

  it('take what nobody has, and what has ended, as it is', async () => {
    await create({ match: {}, trigger: 'failedAttempts', threshold: 1, actions: ['unassign', 'raisePriority'] });
    const { id: agent } = await insertAgent(gateway.db);
    const { id } = await createTask(client, { assignee: agent, priority: 'urgent' });
    const { lease } = await claim(client, agent);
    bodyOf(await client.post(`/api/tasks/${id}/fail`, { lease, kind: 'permanent', error: 'Out of paper' }), 200);
    await evaluate(id);
    expect(await escalations()).toMatchObject([
      { actions: [{ type: 'unassign', done: false, detail: 'The task is failed.' }, { done: false }] },
    ]);
  });

  it('take back what they raised when they are deleted, and the history stays', async () => {
    const rule = await create();
    const task = await blockedTask();
    await evaluate(task);
    bodyOf(await client.delete(`/api/escalation-rules/${rule.id}`), 204);
    expect(await escalations(`?ruleId=${rule.id}`)).toMatchObject([{ status: 'resolved', rule: 'Blocked' }]);
  });

  it('would have fired where the past says so', async () => {
    const rule = await create({ threshold: 3_600, enabled: false });
    const task = await blockedTask({}, 7_200);
    await blockedTask({}, 60);
    // A ledger does not let its past be changed, so the task is as old as it says and its move is not in the span.
    await sql(`update tasks set created_at = now() - interval '3 hours' where id = $1`, [task]);
    const { wouldFire } = bodyOf<{ wouldFire: { taskId: string; at: string }[] }>(
      await client.post(`/api/escalation-rules/${rule.id}/dry-run`, { days: 1 }),
      200,
    );
    expect(wouldFire.every(({ at }) => new Date(at) <= new Date())).toBe(true);
    expect(await escalations()).toEqual([]);
    const quick = await create({ name: 'Quick', threshold: 0 });
    const quickly = bodyOf<{ wouldFire: { taskId: string }[] }>(
      await client.post(`/api/escalation-rules/${quick.id}/dry-run`, { days: 1 }),
      200,
    );
    expect(quickly.wouldFire.map((one) => one.taskId)).toEqual(expect.arrayContaining([task]));
  });
});
