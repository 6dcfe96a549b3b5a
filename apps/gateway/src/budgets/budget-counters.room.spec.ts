import { v7 as newId } from 'uuid';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { BudgetView } from './budget.view.js';

interface LedgerEvent {
  type: string;
  data: { threshold?: number; spentUsd?: string; consumedPercent?: number };
}

describe("a budget's counters and alerts", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const create = async (body: Record<string, unknown>) =>
    bodyOf<BudgetView>(
      await gateway.owner.post('/api/budgets', { name: 'B', limitUsd: '1', period: 'day', ...body }),
      201,
    );
  const get = async (id: string) => bodyOf<BudgetView>(await gateway.owner.get(`/api/budgets/${id}`), 200);
  const patch = async (id: string, body: Record<string, unknown>) =>
    bodyOf<BudgetView>(await gateway.owner.patch(`/api/budgets/${id}`, body), 200);
  const admit = async (costUsd: string, fields: Record<string, unknown>) => {
    const body = { agent: 'spender', model: 'gpt-4o-mini', estimate: { costUsd }, ...fields };
    return bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', body), 201).id;
  };
  const settle = async (id: string, costUsd: string) =>
    bodyOf(await gateway.owner.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd }), 200);
  const spend = async (costUsd: string, fields: Record<string, unknown>) =>
    settle(await admit(costUsd, fields), costUsd);
  const inLedger = <T>(sql: string, parameters: unknown[]): Promise<T[]> =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<T>(sql, parameters));
  const alertsOf = async (id: string) => {
    const events = await inLedger<LedgerEvent>(
      "select type, data from events where subject = $1 and type in ('budget.threshold_crossed', 'budget.exhausted') order by seq",
      [`budget:${id}`],
    );
    return events.map(({ type, data }) => (type === 'budget.exhausted' ? 'exhausted' : data.threshold));
  };
  /** What the events say each window must hold, against what it holds. */
  const expectCountersToEqualEvents = async (id: string) => {
    const [row] = await inLedger<Record<string, string>>(
      `select w.spent_nano, w.held_nano, w.overage_nano, w.unreserved_nano,
              sum(coalesce(e.spent_delta, 0))::bigint as spent, sum(coalesce(e.held_delta, 0))::bigint as held,
              sum(coalesce(e.overage_delta, 0))::bigint as overage, sum(coalesce(e.unreserved_delta, 0))::bigint as unreserved
         from budget_windows w join events e on w.budget_id = any(e.budget_ids) and w.window_start = any(e.window_starts)
        where w.budget_id = $1 group by 1, 2, 3, 4`,
      [id],
    );
    expect(row).toMatchObject({ spent_nano: row?.spent, held_nano: row?.held, overage_nano: row?.overage });
    expect(row?.unreserved_nano).toBe(row?.unreserved);
  };
  const tagged = (tag: string) => ({ tags: { of: tag } });
  const scoped = (tag: string) => ({ scope: { tag: { of: tag } } });

  it('open with what ran before in its scope, and with nothing that did not', async () => {
    await spend('0.3', tagged('opening'));
    await spend('0.2', tagged('other'));
    const cancelled = await admit('0.4', tagged('opening'));
    bodyOf(await gateway.owner.post(`/api/executions/${cancelled}/cancel`), 200);
    const live = await admit('0.1', tagged('opening'));
    const yesterday = new Date(Date.now() - 25 * 3_600_000).toISOString();
    const past = {
      agent: 'spender',
      model: 'm',
      externalId: newId(),
      startedAt: yesterday,
      costUsd: '9',
      ...tagged('opening'),
    };
    bodyOf(await gateway.owner.post('/api/executions/record', { items: [past] }), 201);

    const budget = await create({ ...scoped('opening'), thresholds: [25, 50] });
    expect(budget).toMatchObject({ spentUsd: '0.3', heldUsd: '0.1', remainingUsd: '0.6', consumedPercent: 30 });
    expect(await alertsOf(budget.id)).toEqual([25]);
    await settle(live, '0.25');
    expect(await get(budget.id)).toMatchObject({ spentUsd: '0.55', heldUsd: '0', overageUsd: '0.15' });
    expect(await alertsOf(budget.id)).toEqual([25, 50]);
    await expectCountersToEqualEvents(budget.id);
  });

  it('refuse at once what no longer fits beside the runs that were there before', async () => {
    await admit('0.9', tagged('crowded'));
    const budget = await create(scoped('crowded'));
    expect(budget).toMatchObject({ heldUsd: '0.9', remainingUsd: '0.1' });
    const body = { agent: 'spender', model: 'gpt-4o-mini', estimate: { costUsd: '0.2' }, ...tagged('crowded') };
    bodyOf(await gateway.owner.post('/api/executions', body), 402);
  });

  it('count a run that expired before the budget existed when it completes late', async () => {
    const id = await admit('0.2', { ...tagged('late'), holdSeconds: 1 });
    await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query("update executions set hold_expires_at = now() - interval '1 second' where id = $1", [id]),
    );
    await gateway.db.database.statement('select expire_holds($1, 100)', [gateway.db.organizationId]);
    const budget = await create(scoped('late'));
    expect(budget).toMatchObject({ spentUsd: '0', heldUsd: '0' });
    expect(await settle(id, '0.2')).toMatchObject({ late: true });
    expect(await get(budget.id)).toMatchObject({ spentUsd: '0.2', heldUsd: '0' });
    await expectCountersToEqualEvents(budget.id);
  });

  it('cover the whole organization at the organization level, whatever the workspace', async () => {
    const there = await gateway.workspace('there');
    const client = gateway.as(gateway.db.ownerKey, there.slug);
    const body = { agent: 'spender', model: 'gpt-4o-mini', estimate: { costUsd: '0.1' }, ...tagged('everywhere') };
    const execution = bodyOf<{ id: string }>(await client.post('/api/executions', body), 201);
    bodyOf(await client.post(`/api/executions/${execution.id}/complete`, { status: 'succeeded', costUsd: '0.1' }), 200);
    await spend('0.2', tagged('everywhere'));
    expect(await create({ ...scoped('everywhere'), level: 'organization' })).toMatchObject({ spentUsd: '0.3' });
    expect(await create(scoped('everywhere'))).toMatchObject({ spentUsd: '0.2' });
  });

  it('raise each alert once, however many runs cross it together', async () => {
    const budget = await create({ ...scoped('crossing'), limitUsd: '4', thresholds: [10, 50, 90, 100] });
    const runs = await Promise.all(Array.from({ length: 40 }, () => admit('0.1', tagged('crossing'))));
    await Promise.all(runs.map((id) => settle(id, '0.1')));
    expect(await alertsOf(budget.id)).toHaveLength(5);
    expect(new Set(await alertsOf(budget.id))).toEqual(new Set([10, 50, 90, 100, 'exhausted']));
    expect(await get(budget.id)).toMatchObject({ spentUsd: '4', heldUsd: '0', status: 'exhausted' });
    await expectCountersToEqualEvents(budget.id);
  });

  it('say nothing of what is only held', async () => {
    const budget = await create({ ...scoped('held'), thresholds: [1] });
    await admit('1', tagged('held'));
    expect(await alertsOf(budget.id)).toEqual([]);
  });

  it('fire again after the limit was raised, and only what is crossed again', async () => {
    const budget = await create({ ...scoped('rearm'), thresholds: [20, 50] });
    await spend('0.6', tagged('rearm'));
    expect(await alertsOf(budget.id)).toEqual([20, 50]);
    await patch(budget.id, { limitUsd: '2' });
    expect(await alertsOf(budget.id)).toEqual([20, 50]);
    await spend('0.3', tagged('rearm'));
    expect(await alertsOf(budget.id)).toEqual([20, 50]);
    await spend('0.2', tagged('rearm'));
    expect(await alertsOf(budget.id)).toEqual([20, 50, 50]);
  });

  it('fire in the moment the limit is lowered below what is spent', async () => {
    const budget = await create({ ...scoped('lowered'), thresholds: [90] });
    await spend('0.5', tagged('lowered'));
    expect(await alertsOf(budget.id)).toEqual([]);
    expect(await patch(budget.id, { limitUsd: '0.5' })).toMatchObject({ status: 'exhausted', remainingUsd: '0' });
    expect(await alertsOf(budget.id)).toEqual([90, 'exhausted']);
    await patch(budget.id, { limitUsd: '0.4' });
    expect(await alertsOf(budget.id)).toEqual([90, 'exhausted']);
  });

  it('fire for a new threshold that is crossed already, not for one that was removed', async () => {
    const budget = await create({ ...scoped('thresholds'), thresholds: [90] });
    await spend('0.5', tagged('thresholds'));
    await patch(budget.id, { thresholds: [40, 60] });
    expect(await alertsOf(budget.id)).toEqual([40]);
    await patch(budget.id, { thresholds: [] });
    await spend('0.3', tagged('thresholds'));
    expect(await alertsOf(budget.id)).toEqual([40]);
  });

  it('never deadlock with completions while budgets are opened over them', async () => {
    const runs = await Promise.all(Array.from({ length: 60 }, () => admit('0.01', tagged('busy'))));
    const [budgets] = await Promise.all([
      Promise.all([1, 2, 3, 4].map(() => create({ ...scoped('busy'), limitUsd: '5' }))),
      ...runs.map((id) => settle(id, '0.02')),
    ]);
    for (const { id } of budgets) {
      expect(await get(id)).toMatchObject({ spentUsd: '1.2', heldUsd: '0' });
      await expectCountersToEqualEvents(id);
    }
  });
});
