import { DateTime } from 'luxon';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { BudgetView } from './budget.view.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';

describe('budgets over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const daily = { name: 'Daily', limitUsd: '10', period: 'day' };
  const create = async (body: Record<string, unknown> = {}, client = gateway.owner) =>
    bodyOf<BudgetView>(await client.post('/api/budgets', { ...daily, ...body }), 201);
  const eventsOf = (id: string) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ type: string; data: Record<string, unknown>; workspace_id: string | null }>(
        'select type, data, workspace_id from events where subject = $1 order by seq',
        [`budget:${id}`],
      ),
    );

  it('answers with every figure of an untouched budget, defaults filled in', async () => {
    const budget = await create();
    const today = DateTime.utc().startOf('day');
    expect(budget).toEqual({
      id: expect.any(String),
      name: 'Daily',
      limitUsd: '10',
      raises: [],
      period: 'day',
      timezone: 'UTC',
      weekStart: 'monday',
      level: 'workspace',
      scope: {},
      mode: 'enforce',
      thresholds: [50, 75, 90],
      window: { start: today.toJSDate().toISOString(), end: today.plus({ days: 1 }).toJSDate().toISOString() },
      spentUsd: '0',
      heldUsd: '0',
      overageUsd: '0',
      remainingUsd: '10',
      consumedPercent: 0,
      status: 'open',
      projectedExhaustionAt: null,
      frozen: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await eventsOf(budget.id)).map((event) => event.type)).toEqual(['budget.created', 'budget.opened']);
  });

  it('takes a zone, a week start by name or number, a scope and thresholds in any order', async () => {
    bodyOf(await gateway.owner.post('/api/executions', anExecution({ agent: 'scoped' })), 201);
    const scope = { agent: 'scoped', model: 'gpt-4o*', provider: 'openai', trigger: 'cron', tag: { team: 'a' } };
    const budget = await create({
      ...{ period: 'week', weekStart: 7, timezone: 'Asia/Kathmandu', scope, mode: 'observe', thresholds: [100, 5] },
    });
    expect(budget).toMatchObject({ weekStart: 'sunday', timezone: 'Asia/Kathmandu', mode: 'observe', scope });
    expect(budget.thresholds).toEqual([5, 100]);
    expect(DateTime.fromISO(budget.window.start, { zone: 'Asia/Kathmandu' }).weekday).toBe(7);
    expect((await create({ weekStart: 'Tuesday' })).weekStart).toBe('tuesday');
  });

  it('gives a total budget no end', async () => {
    const budget = await create({ period: 'total' });
    expect(budget.window).toEqual({ start: budget.createdAt, end: null });
  });

  it('takes the time zone of its workspace when it names none', async () => {
    await gateway.workspace('tokyo', 'Asia/Tokyo');
    expect((await create({}, gateway.as(gateway.db.ownerKey, 'tokyo'))).timezone).toBe('Asia/Tokyo');
  });

  it.each([
    ['a negative limit', { limitUsd: '-1' }, 'limitUsd'],
    ['a limit that is no number', { limitUsd: 'NaN' }, 'limitUsd'],
    ['a limit with an exponent', { limitUsd: '1e3' }, 'limitUsd'],
    ['a limit beyond the highest', { limitUsd: '1000000001' }, 'limitUsd'],
    ['no limit', { limitUsd: null }, 'limitUsd'],
    ['an unknown period', { period: 'year' }, 'period'],
    ['an unknown zone', { timezone: 'Mars/Olympus' }, 'timezone'],
    ['a zone that is an offset', { timezone: '+02:00' }, 'timezone'],
    ['a null zone', { timezone: null }, 'timezone'],
    ['a null mode', { mode: null }, 'mode'],
    ['day 8', { weekStart: 8 }, 'weekStart'],
    ['day 0', { weekStart: 0 }, 'weekStart'],
    ['a threshold of 0', { thresholds: [0] }, 'thresholds'],
    ['a threshold of 101', { thresholds: [101] }, 'thresholds'],
    ['half a threshold', { thresholds: [50.5] }, 'thresholds'],
    ['a threshold as text', { thresholds: ['50'] }, 'thresholds'],
    ['the same threshold twice', { thresholds: [50, 50] }, 'thresholds'],
    ['21 thresholds', { thresholds: Array.from({ length: 21 }, (_, n) => n + 1) }, 'thresholds'],
    ['thresholds that are no list', { thresholds: 50 }, 'thresholds'],
    ['a star in the middle', { scope: { model: 'gpt-*-mini' } }, 'scope.model'],
    ['a null model', { scope: { model: null } }, 'scope.model'],
    ['an unknown trigger', { scope: { trigger: 'whim' } }, 'scope.trigger'],
    ['a tag that is no text', { scope: { tag: { a: 1 } } }, 'scope.tag'],
    ['an unknown scope', { scope: { region: 'eu' } }, 'scope.region'],
    ['a scope that is a list', { scope: [] }, 'scope'],
    ['an unknown field', { color: 'red' }, 'color'],
    ['an empty name', { name: '' }, 'name'],
    ['a name with NUL', { name: 'a\u0000b' }, 'name'],
    ['a very long name', { name: 'x'.repeat(201) }, 'name'],
  ])('refuses %s and names the field', async (_, wrong, path) => {
    const problem = bodyOf<{ code: string; errors: { path: string }[] }>(
      await gateway.owner.post('/api/budgets', { ...daily, ...wrong }),
      422,
    );
    expect(problem.code).toBe('invalid_values');
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('refuses an agent nobody knows instead of making one', async () => {
    const problem = bodyOf(await gateway.owner.post('/api/budgets', { ...daily, scope: { agent: 'nobody' } }), 422);
    expect(problem).toMatchObject({ code: 'unknown_agent', errors: [{ path: 'scope.agent' }] });
    const [{ count } = { count: -1 }] = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ count: number }>("select count(*)::int from agents where name = 'nobody'"),
    );
    expect(count).toBe(0);
  });

  it('changes what may change, in one version step, and says what cannot', async () => {
    const budget = await create({ scope: { tag: { quiet: 'yes' } } });
    const changed = await gateway.owner.patch(`/api/budgets/${budget.id}`, {
      name: 'New',
      limitUsd: 12.5,
      mode: 'observe',
    });
    expect(bodyOf(changed, 200)).toMatchObject({
      name: 'New',
      limitUsd: '12.5',
      mode: 'observe',
      remainingUsd: '12.5',
    });
    expect(changed.headers.etag).toBe('"2"');
    const events = await eventsOf(budget.id);
    expect(events.slice(2).map((event) => event.type)).toEqual(['budget.limit_changed', 'budget.updated']);
    expect(events[2]?.data).toMatchObject({ from: '10', to: '12.5' });
    for (const fixed of [
      { period: 'week' },
      { timezone: 'UTC' },
      { weekStart: 1 },
      { level: 'organization' },
      { scope: {} },
    ]) {
      const problem = bodyOf<{ detail: string }>(await gateway.owner.patch(`/api/budgets/${budget.id}`, fixed), 422);
      expect(problem.detail).toMatch(/make a new budget/);
    }
    bodyOf(await gateway.owner.patch(`/api/budgets/${budget.id}`, { limitUsd: null }), 422);
  });

  it('writes nothing when a change changes nothing', async () => {
    const budget = await create();
    const answer = await gateway.owner.patch(`/api/budgets/${budget.id}`, {
      limitUsd: '10.0',
      thresholds: [90, 50, 75],
    });
    expect(bodyOf(answer, 200)).toEqual(budget);
    expect(answer.headers.etag).toBe('"1"');
    expect(await eventsOf(budget.id)).toHaveLength(2);
  });

  it('lets one of two editors win and tells the other', async () => {
    const { id } = await create();
    const { etag } = (await gateway.owner.get(`/api/budgets/${id}`)).headers as { etag: string };
    const edits = await Promise.all(
      ['1', '2'].map((limitUsd) => gateway.owner.patch(`/api/budgets/${id}`, { limitUsd }, { 'if-match': etag })),
    );
    expect(edits.map((edit) => edit.status).sort()).toEqual([200, 412]);
    expect((await gateway.owner.delete(`/api/budgets/${id}`, { 'if-match': etag })).status).toBe(412);
  });

  it('admits nothing that a frozen budget covers until it is thawed, and keeps the first reason', async () => {
    const { id } = await create({ scope: { tag: { frost: 'yes' } } });
    const frozen = bodyOf<BudgetView>(await gateway.owner.post(`/api/budgets/${id}/freeze`, { reason: 'loop' }), 200);
    expect(frozen).toMatchObject({ status: 'frozen', frozen: { reason: 'loop', by: expect.stringMatching(/^key:/) } });
    const again = bodyOf<BudgetView>(await gateway.owner.post(`/api/budgets/${id}/freeze`, { reason: 'other' }), 200);
    expect(again).toEqual(frozen);
    const run = anExecution({ tags: { frost: 'yes' } });
    expect(bodyOf(await gateway.owner.post('/api/executions', run), 423)).toMatchObject({ code: 'budget_frozen' });
    bodyOf(await gateway.owner.post('/api/executions', anExecution({})), 201);
    const open = bodyOf<BudgetView>(await gateway.owner.post(`/api/budgets/${id}/unfreeze`), 200);
    expect(open).toMatchObject({ status: 'open', frozen: null });
    bodyOf(await gateway.owner.post('/api/executions', run), 201);
    expect((await eventsOf(id)).slice(2).map((event) => event.type)).toEqual(['budget.frozen', 'budget.unfrozen']);
    bodyOf(await gateway.owner.post(`/api/budgets/${id}/freeze`, {}), 422);
  });

  it('forgets a deleted budget at once, while its runs still settle', async () => {
    const { id } = await create({ limitUsd: '0.001', scope: { tag: { gone: 'yes' } } });
    const run = anExecution({ tags: { gone: 'yes' }, estimate: { costUsd: '0.001' } });
    const execution = bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', run), 201);
    bodyOf(await gateway.owner.post('/api/executions', run), 402);
    expect((await gateway.owner.delete(`/api/budgets/${id}`)).status).toBe(204);
    expect((await gateway.owner.delete(`/api/budgets/${id}`)).status).toBe(404);
    expect((await gateway.owner.get(`/api/budgets/${id}`)).status).toBe(404);
    const names = bodyOf<{ items: BudgetView[] }>(await gateway.owner.get('/api/budgets?limit=200'), 200);
    expect(names.items.map((item) => item.id)).not.toContain(id);
    bodyOf(await gateway.owner.post('/api/executions', run), 201);
    const done = { status: 'succeeded', costUsd: '0.002' };
    bodyOf(await gateway.owner.post(`/api/executions/${execution.id}/complete`, done), 200);
    const [window] = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query('select spent_nano, held_nano, overage_nano from budget_windows where budget_id = $1', [id]),
    );
    expect(window).toEqual({ spent_nano: '2000000', held_nano: '0', overage_nano: '1000000' });
  });

  it('says an exhausted budget is exhausted, with its negative remainder', async () => {
    const { id } = await create({ limitUsd: '0.3', scope: { tag: { over: 'yes' } } });
    const run = anExecution({ tags: { over: 'yes' }, estimate: { costUsd: '0.3' } });
    const execution = bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', run), 201);
    const held = bodyOf<BudgetView>(await gateway.owner.get(`/api/budgets/${id}`), 200);
    expect(held).toMatchObject({ heldUsd: '0.3', remainingUsd: '0', consumedPercent: 0, status: 'open' });
    const done = { status: 'failed', costUsd: '0.4' };
    bodyOf(await gateway.owner.post(`/api/executions/${execution.id}/complete`, done), 200);
    const spent = bodyOf<BudgetView>(await gateway.owner.get(`/api/budgets/${id}`), 200);
    expect(spent).toMatchObject({ spentUsd: '0.4', heldUsd: '0', overageUsd: '0.1', remainingUsd: '-0.1' });
    expect(spent).toMatchObject({ consumedPercent: 133.33, status: 'exhausted' });
    expect(Date.parse(spent.projectedExhaustionAt ?? '')).toBeLessThanOrEqual(Date.now() + 5_000);
    const list = bodyOf<{ items: BudgetView[] }>(await gateway.owner.get('/api/budgets?status=exhausted'), 200);
    expect(list.items.map((item) => item.id)).toEqual([id]);
  });

  it('lists page by page in order of creation, by name, level, agent and status, and binds the cursor to the filter', async () => {
    const client = gateway.as(gateway.db.ownerKey, (await gateway.workspace('lists')).id);
    const ids: string[] = [];
    for (const n of [1, 2, 3, 4, 5]) ids.push((await create({ name: `Page 100% ${n}` }, client)).id);
    type Listed = { items: BudgetView[]; nextCursor: string | null };
    const first = bodyOf<Listed>(await client.get('/api/budgets?limit=3&q=pAGE&level=workspace'), 200);
    const second = bodyOf<Listed>(
      await client.get(`/api/budgets?limit=3&q=pAGE&level=workspace&cursor=${first.nextCursor}`),
      200,
    );
    expect([...first.items, ...second.items].map((item) => item.id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
    bodyOf(await client.get(`/api/budgets?limit=3&cursor=${first.nextCursor}`), 422);
    expect(bodyOf<Listed>(await client.get('/api/budgets?q=100%25'), 200).items).toHaveLength(5);
    expect(bodyOf<Listed>(await client.get('/api/budgets?q=1_0'), 200).items).toHaveLength(0);
    expect(bodyOf<Listed>(await client.get('/api/budgets?agent=nobody'), 200).items).toEqual([]);
    expect(bodyOf<Listed>(await client.get('/api/budgets?status=frozen'), 200).items).toEqual([]);
    for (const wrong of [
      'limit=0',
      'limit=201',
      'limit=x',
      'status=sad',
      'level=galaxy',
      'cursor=abc',
      'foo=1',
      'q=%00',
    ]) {
      expect([wrong, (await client.get(`/api/budgets?${wrong}`)).status]).toEqual([wrong, 422]);
    }
  });

  it('keeps the organization level for keys of the whole organization', async () => {
    const here = await gateway.workspace('bound');
    const bound = gateway.as(await gateway.key({ role: 'owner', workspaceId: here.id }));
    bodyOf(await bound.post('/api/budgets', { ...daily, level: 'organization' }), 403);
    const shared = await create({ level: 'organization', mode: 'observe', name: 'Everyone' });
    expect(shared.level).toBe('organization');
    expect(bodyOf<BudgetView>(await bound.get(`/api/budgets/${shared.id}`), 200).name).toBe('Everyone');
    expect((await bound.patch(`/api/budgets/${shared.id}`, { name: 'Mine' })).status).toBe(403);
    expect((await bound.delete(`/api/budgets/${shared.id}`)).status).toBe(403);
    expect((await bound.post(`/api/budgets/${shared.id}/freeze`, { reason: 'x' })).status).toBe(403);
    expect((await bound.post(`/api/budgets/${shared.id}/unfreeze`)).status).toBe(403);
    expect((await eventsOf(shared.id)).map((event) => event.workspace_id)).toEqual([null, null]);
    bodyOf(await gateway.owner.delete(`/api/budgets/${shared.id}`), 204);
  });

  it("answers another workspace's budget with the bytes of a missing one", async () => {
    const { id } = await create();
    const elsewhere = await gateway.workspace('elsewhere');
    const stranger = gateway.as(await gateway.key({ role: 'owner', workspaceId: elsewhere.id }));
    const asks = [
      (of: string) => stranger.get(`/api/budgets/${of}`, { 'x-request-id': 'same' }),
      (of: string) => stranger.patch(`/api/budgets/${of}`, { name: 'x' }, { 'x-request-id': 'same' }),
      (of: string) => stranger.delete(`/api/budgets/${of}`, { 'x-request-id': 'same' }),
      (of: string) => stranger.post(`/api/budgets/${of}/freeze`, { reason: 'x' }, { 'x-request-id': 'same' }),
      (of: string) => stranger.post(`/api/budgets/${of}/unfreeze`, {}, { 'x-request-id': 'same' }),
    ];
    for (const ask of asks) {
      const [foreign, missing] = [await ask(id), await ask(SOME_ID)];
      expect(foreign.status).toBe(404);
      expect(foreign.text.replaceAll(id, SOME_ID)).toBe(missing.text);
    }
    expect(bodyOf<{ items: unknown[] }>(await stranger.get('/api/budgets'), 200).items).toEqual([]);
  });

  it('gives a retried request the budget it made, once', async () => {
    const key = { 'idempotency-key': 'retry-budget' };
    const answers = await Promise.all(
      [1, 2, 3].map(() => gateway.owner.post('/api/budgets', { ...daily, name: 'Once' }, key)),
    );
    expect(answers.every((answer) => [201, 409].includes(answer.status))).toBe(true);
    const list = bodyOf<{ items: unknown[] }>(await gateway.owner.get('/api/budgets?q=Once'), 200);
    expect(list.items).toHaveLength(1);
  });
});

function anExecution(fields: Record<string, unknown>): Record<string, unknown> {
  return { agent: 'tester', model: 'gpt-4o-mini', estimate: { costUsd: '0.0001' }, ...fields };
}
