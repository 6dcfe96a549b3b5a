import { type ApprovalJson } from '../../../../test/factories/approval.js';
import { insertBudget } from '../../../../test/factories/budget.js';
import { faultsInAlerts, faultsInBooks } from '../../../../test/support/books.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { RaiseEnds } from './raise-ends.js';

const USD = 1_000_000_000n;

interface BudgetJson {
  limitUsd: string;
  remainingUsd: string;
  raises: { approvalId: string; amountUsd: string; until: string }[];
}

describe('a raise of a budget', () => {
  let gateway: TestGateway;
  let agent: ApiClient;
  let admin: ApiClient;
  let duty: RaiseEnds;
  let budget: string;

  beforeEach(async () => {
    gateway = await startGateway();
    agent = gateway.as(await gateway.key({ role: 'agent' }));
    admin = gateway.as(await gateway.key({ role: 'admin' }));
    duty = new RaiseEnds(gateway.db.database);
    budget = await insertBudget(gateway.db, { limitNano: 10n * USD, thresholds: [50, 75] });
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, values: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, values));
  const ask = (costUsd: string, headers?: Record<string, string>) =>
    agent.post('/api/executions', { agent: 'spender', model: 'any', estimate: { costUsd } }, headers);
  const denied = async (costUsd = '12') =>
    bodyOf<{ executionId: string; approvers: object[] }>(await ask(costUsd), 402).executionId;
  const requestRaise = (executionId: string, fields: object = {}, client = agent) =>
    client.post(`/api/executions/${executionId}/request-raise`, {
      ...{ amountUsd: '5', reason: 'One more pass', untilMinutes: 30 },
      ...fields,
    });
  const requested = async (executionId: string, fields: object = {}) =>
    bodyOf<ApprovalJson>(await requestRaise(executionId, fields), 201);
  const grant = async ({ id }: ApprovalJson, client = admin) =>
    bodyOf<ApprovalJson>(await client.post(`/api/approvals/${id}/resolve`, { decision: 'approve' }), 200);
  const raised = async (fields: object = {}) => grant(await requested(await denied(), fields));
  const read = async (id = budget) => bodyOf<BudgetJson>(await admin.get(`/api/budgets/${id}`), 200);
  const letTimePass = () => query('update budget_raises set until = now() where ended_at is null');
  const eventsOf = async (...types: string[]) =>
    query<{ type: string; data: Record<string, unknown> }>(
      'select type, data from events where type = any($1) order by seq',
      [types],
    );
  const codeOf = (answer: { status: number; body: unknown }) => [
    answer.status,
    (answer.body as { code?: string }).code,
  ];
  const settle = async (costUsd: string) => {
    const { id } = bodyOf<{ id: string }>(await ask(costUsd), 201);
    bodyOf(await agent.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd }), 200);
  };

  it('begins with a denial that names who may grant it', async () => {
    bodyOf(await gateway.owner.post('/api/members', { email: 'ada@example.com', name: 'Ada', role: 'admin' }), 201);
    const denial = bodyOf<{ approvers: object[] }>(await ask('12'), 402);
    expect(denial.approvers).toEqual([
      { role: 'owner' },
      { role: 'admin' },
      { member: expect.any(String) as unknown, name: 'Ada', role: 'admin' },
    ]);
  });

  it('of the whole organization names no members: their keys do not reach it', async () => {
    bodyOf(await gateway.owner.post('/api/members', { email: 'ada@example.com', name: 'Ada', role: 'admin' }), 201);
    await insertBudget(gateway.db, { limitNano: USD, workspaceId: null });
    const denial = bodyOf<{ approvers: object[] }>(await ask('3'), 402);
    expect(denial.approvers).toEqual([{ role: 'owner' }, { role: 'admin' }]);
  });

  it('always waits, and lets the same request through once it is granted', async () => {
    const headers = { 'idempotency-key': 'one-run' };
    const { executionId } = bodyOf<{ executionId: string }>(await ask('12', headers), 402);
    const approval = await requested(executionId);
    expect(approval).toMatchObject({
      ...{ kind: 'raise', status: 'pending', policy: 'pending', estimatedCostUsd: '5', description: 'One more pass' },
      ...{
        subject: { executionId, budgetId: budget },
        payload: { amountUsd: '5', untilMinutes: 30, budgetId: budget },
      },
    });
    expect((await ask('12', headers)).status).toBe(402);
    await grant(approval);
    expect((await ask('12', headers)).status).toBe(201);
    expect(await read()).toMatchObject({
      ...{ limitUsd: '15', remainingUsd: '3' },
      raises: [{ approvalId: approval.id, amountUsd: '5', until: expect.stringMatching(/Z$/) as unknown }],
    });
  });

  it('lasts for its time, counted from the grant, and is taken back once', async () => {
    const approval = await requested(await denied(), { untilMinutes: 0.5 });
    await query(`update approvals set created_at = now() - interval '1 hour' where id = $1`, [approval.id]);
    await grant(approval);
    const [lasting] = await query<{ seconds: string }>(
      'select extract(epoch from until - granted_at)::text as seconds from budget_raises',
    );
    expect(Math.abs(Number(lasting!.seconds) - 30)).toBeLessThan(10);
    expect(await duty.runOnce()).toEqual({ ended: 0 });
    await letTimePass();
    const runs = await Promise.all(Array.from({ length: 3 }, () => duty.runOnce()));
    expect(runs.reduce((sum, run) => sum + run.ended, 0)).toBe(1);
    expect(await read()).toMatchObject({ limitUsd: '10', raises: [] });
    expect(codeOf(await ask('12'))).toEqual([402, 'budget_exceeded']);
    const events = await eventsOf('budget.raised', 'budget.raise_ended');
    expect(events).toMatchObject([
      { type: 'budget.raised', data: { budgetId: budget, approvalId: approval.id, amountUsd: '5', limitUsd: '15' } },
      {
        type: 'budget.raise_ended',
        data: { budgetId: budget, approvalId: approval.id, amountUsd: '5', limitUsd: '10' },
      },
    ]);
  });

  it('comes on top of another, and each ends by itself', async () => {
    await raised();
    await grant(await requested(await denied('18'), { amountUsd: '2.5' }));
    expect(await read()).toMatchObject({ limitUsd: '17.5', raises: [{ amountUsd: '5' }, { amountUsd: '2.5' }] });
    await query(`update budget_raises set until = now() where amount_nano = $1`, [(5n * USD).toString()]);
    await duty.runOnce();
    expect(await read()).toMatchObject({ limitUsd: '12.5', raises: [{ amountUsd: '2.5' }] });
  });

  it('is neither lost nor doubled by a change of the limit meanwhile', async () => {
    const patch = (body: object) => admin.patch(`/api/budgets/${budget}`, body);
    await raised();
    expect(bodyOf(await patch({ limitUsd: '20' }), 200)).toMatchObject({ limitUsd: '25' });
    // Sent back as it was read: nothing changes.
    expect(bodyOf(await patch({ limitUsd: '25', name: 'Renamed' }), 200)).toMatchObject({ limitUsd: '25' });
    const [changed, ...more] = await eventsOf('budget.limit_changed');
    expect(changed?.data).toMatchObject({ from: '10', to: '20' });
    expect(more).toEqual([]);
    await letTimePass();
    await duty.runOnce();
    expect(await read()).toMatchObject({ limitUsd: '20', raises: [] });
  });

  it('and changes of the limit at the same time leave the sum of both', async () => {
    const approval = await requested(await denied());
    await Promise.all([
      grant(approval),
      ...Array.from({ length: 10 }, (_, n) => admin.patch(`/api/budgets/${budget}`, { limitUsd: `${20 + n}` })),
    ]);
    const [last] = (await eventsOf('budget.limit_changed')).slice(-1);
    await letTimePass();
    await Promise.all([duty.runOnce(), admin.patch(`/api/budgets/${budget}`, { name: 'x' })]);
    expect((await read()).limitUsd).toBe(last!.data['to']);
  });

  it('re-arms what is not crossed any more, and tells it again when the raise has ended', async () => {
    await settle('6');
    const crossed = async () => (await eventsOf('budget.threshold_crossed')).map(({ data }) => data['threshold']);
    expect(await crossed()).toEqual([50]);
    await raised();
    expect(await faultsInAlerts(gateway.db)).toEqual([]);
    await settle('2');
    expect(await crossed()).toEqual([50, 50]);
    await letTimePass();
    await duty.runOnce();
    expect(await crossed()).toEqual([50, 50, 75]);
    expect(await faultsInBooks(gateway.db)).toEqual([]);
  });

  it('keeps what it let in, although the limit is lower again', async () => {
    await raised();
    const { id } = bodyOf<{ id: string }>(await ask('12'), 201);
    await letTimePass();
    await duty.runOnce();
    expect(await read()).toMatchObject({ limitUsd: '10', remainingUsd: '-2' });
    bodyOf(await agent.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd: '11' }), 200);
    expect(await faultsInBooks(gateway.db, { [budget]: (15n * USD).toString() })).toEqual([]);
    expect((await ask('0.1')).status).toBe(402);
  });

  it('is not to be had for what was not denied, for nothing or for no time, nor twice at a time', async () => {
    const { id } = bodyOf<{ id: string }>(await ask('1'), 201);
    expect(codeOf(await requestRaise(id))).toEqual([409, 'execution_not_denied']);
    expect(codeOf(await requestRaise('0199aaaa-0000-7000-8000-000000000001'))).toEqual([404, 'not_found']);
    const execution = await denied();
    for (const fields of [{ amountUsd: '0' }, { untilMinutes: 0 }, { untilMinutes: -1 }, { untilMinutes: 43_201 }]) {
      expect(codeOf(await requestRaise(execution, fields))).toEqual([422, 'invalid_values']);
    }
    const first = await requested(execution);
    const second = await requestRaise(execution);
    expect([...codeOf(second), (second.body as { approvalId: string }).approvalId]).toEqual([
      ...[409, 'approval_pending', first.id],
    ]);
  });

  it('is granted by owners and admins alone, never edited, and of a budget of the organization by a key of it', async () => {
    const approval = await requested(await denied());
    const resolve = (client: ApiClient, id: string, body: object = { decision: 'approve' }) =>
      client.post(`/api/approvals/${id}/resolve`, body);
    for (const client of [
      gateway.as(await gateway.key({ role: 'member' })),
      gateway.as(await gateway.key({ role: 'agent' })),
    ]) {
      expect(codeOf(await resolve(client, approval.id))).toEqual([403, 'forbidden']);
    }
    const edited = { decision: 'approve_with_edits', edits: { amountUsd: '500' } };
    expect(codeOf(await resolve(admin, approval.id, edited))).toEqual([422, 'invalid_values']);
    const toMember = await admin.post(`/api/approvals/${approval.id}/delegate`, { to: { role: 'member' } });
    expect(codeOf(toMember)).toEqual([422, 'invalid_values']);

    const wide = await insertBudget(gateway.db, { limitNano: USD, workspaceId: null });
    const ofAll = await requested(await denied('3'));
    const bound = gateway.as(await gateway.key({ role: 'owner', workspaceId: gateway.db.workspaceId }));
    expect(codeOf(await resolve(bound, ofAll.id))).toEqual([403, 'forbidden']);
    expect((await read(wide)).limitUsd).toBe('1');
    await grant(ofAll);
    expect((await read(wide)).limitUsd).toBe('6');
  });

  it('changes nothing where it is rejected, or where its budget is gone', async () => {
    const [rejected, orphaned] = [await requested(await denied()), await requested(await denied())];
    bodyOf(await admin.post(`/api/approvals/${rejected.id}/resolve`, { decision: 'reject' }), 200);
    expect(await read()).toMatchObject({ limitUsd: '10', raises: [] });
    expect((await admin.delete(`/api/budgets/${budget}`)).status).toBe(204);
    const answer = await admin.post(`/api/approvals/${orphaned.id}/resolve`, { decision: 'approve' });
    expect(codeOf(answer)).toEqual([409, 'conflict']);
    expect(bodyOf(await admin.get(`/api/approvals/${orphaned.id}`), 200)).toMatchObject({ status: 'pending' });
  });

  it('ends also for a budget that was deleted meanwhile, and of an organization whose workspace that asked is gone', async () => {
    await raised();
    expect((await admin.delete(`/api/budgets/${budget}`)).status).toBe(204);
    const wide = await insertBudget(gateway.db, { limitNano: USD, workspaceId: null });
    const { slug } = await gateway.workspace('passing');
    const there = gateway.as(await gateway.key({ role: 'agent' }), slug);
    const run = { agent: 'spender', model: 'any', estimate: { costUsd: '3' } };
    const { executionId } = bodyOf<{ executionId: string }>(await there.post('/api/executions', run), 402);
    const approval = bodyOf<ApprovalJson>(await requestRaise(executionId, {}, there), 201);
    await grant(approval, gateway.as(await gateway.key({ role: 'admin' }), slug));
    expect((await gateway.owner.delete(`/api/workspaces/${slug}`)).status).toBe(204);
    expect((await read(wide)).limitUsd).toBe('6');
    await letTimePass();
    expect(await duty.runOnce()).toEqual({ ended: 2 });
    expect((await read(wide)).limitUsd).toBe('1');
  });
});

describe('a frozen budget', () => {
  it('is asked to be thawed, and is when that is granted', async () => {
    const gateway = await startGateway();
    try {
      const id = await insertBudget(gateway.db);
      const agent = gateway.as(await gateway.key({ role: 'agent' }));
      const ask = () => agent.post('/api/executions', { agent: 'a', model: 'm', estimate: { costUsd: '1' } });
      const request = () => agent.post(`/api/budgets/${id}/request-unfreeze`, { reason: 'The loop is mended' });
      expect((await request()).status).toBe(409);
      bodyOf(await gateway.owner.post(`/api/budgets/${id}/freeze`, { reason: 'Loop' }), 200);
      const denial = bodyOf<{ executionId: string }>(await ask(), 423);
      const raise = { amountUsd: '5', reason: 'x', untilMinutes: 1 };
      expect((await agent.post(`/api/executions/${denial.executionId}/request-raise`, raise)).status).toBe(409);
      const approval = bodyOf<ApprovalJson>(await request(), 201);
      expect((await request()).status).toBe(409);
      bodyOf(await gateway.owner.post(`/api/approvals/${approval.id}/resolve`, { decision: 'approve' }), 200);
      expect((await ask()).status).toBe(201);
      const [thawed] = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
        tx.query<{ data: object }>(`select data from events where type = 'budget.unfrozen'`),
      );
      expect(thawed?.data).toMatchObject({ budgetId: id, reason: 'Loop', approvalId: approval.id });
    } finally {
      await gateway.close();
    }
  });
});
