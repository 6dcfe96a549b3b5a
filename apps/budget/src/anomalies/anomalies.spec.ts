import { insertBudget } from '../../../../test/factories/budget.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { Thaws } from '../freezes/thaws.js';
import { Anomalies } from './anomalies.js';
import { AnomalyStore } from './anomaly.store.js';

const USD = 1_000_000_000n;

interface BudgetJson {
  status: string;
  frozen: { by: string; reason: string; until: string | null; evidence: Record<string, unknown> | null } | null;
}

const QUARTER_MS = 900_000;
const ROOM_MS = 20_000;

/** Judged is the present quarter of an hour, and the one before for a minute: a test must not begin in one and end in the next. */
async function quarterWithRoom(): Promise<void> {
  const leftMs = QUARTER_MS - (Date.now() % QUARTER_MS);
  if (leftMs < ROOM_MS) await new Promise((resolve) => setTimeout(resolve, leftMs + 50));
}

describe('agents unlike themselves', () => {
  let gateway: TestGateway;
  let duty: Anomalies;
  let agent: { id: string; name: string };
  let client: ApiClient;
  let own: string;
  let shared: string;

  beforeEach(async () => {
    await quarterWithRoom();
    gateway = await startGateway();
    duty = new Anomalies(gateway.db.database, new AnomalyStore());
    agent = await insertAgent(gateway.db);
    client = gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }));
    shared = await insertBudget(gateway.db, { name: 'Shared' });
    own = await insertBudget(gateway.db, { name: 'Own', agentId: agent.id, limitNano: 100n * USD });
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, values: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, values));
  const set = async (anomalies: object) =>
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { anomalies } }), 200);
  /** What it did in so many quarters of an hour before the present one; 0 is the present one. */
  const rolledUp = (quartersAgo: number, usd: number, calls: number) =>
    query(
      `insert into cost_rollups values ($1, $2, date_bin('15 minutes', now(), 'epoch') - $4 * interval '15 minutes', $3, 'm', 'p',
         'manual', $6, 0, 0, $5)`,
      [gateway.db.organizationId, gateway.db.workspaceId, agent.id, quartersAgo, (BigInt(usd) * USD).toString(), calls],
    );
  const livedThrough = async (quarters: number) => {
    for (let ago = 1; ago <= quarters; ago += 1) await rolledUp(ago, 2, 5);
  };
  const ask = (fields: object = {}) =>
    client.post('/api/executions', { agent: agent.name, model: 'm', estimate: { costUsd: '0.01' }, ...fields });
  const askOften = async (times: number, fields?: (n: number) => object) => {
    for (let n = 0; n < times; n += 1) await ask(fields?.(n));
  };
  const read = async (id: string) => bodyOf<BudgetJson>(await gateway.owner.get(`/api/budgets/${id}`), 200);
  const eventsOf = (type: string) =>
    query<{ data: Record<string, unknown> }>('select data from events where type = $1 order by seq', [type]);

  it('are told of and left alone, unless the workspace says otherwise', async () => {
    await livedThrough(12);
    await rolledUp(0, 50, 5);
    expect(await duty.runOnce()).toEqual({ found: 1, frozen: 0 });
    expect((await read(own)).frozen).toBeNull();
    const [found, ...more] = await eventsOf('agent.anomaly_found');
    expect(more).toEqual([]);
    expect(found?.data).toMatchObject({
      ...{ agentId: agent.id, kind: 'spend_velocity', frozenBudgets: [] },
      evidence: { spentNano: (50n * USD).toString(), busyNano: (2n * USD).toString(), factor: 3 },
      recipients: [{ role: 'owner' }, { role: 'admin' }],
    });
  });

  it('have their own budgets frozen for a while, with the evidence, where the workspace wants it; nobody else has', async () => {
    await set({ mode: 'freeze', freezeMinutes: 30 });
    await livedThrough(12);
    await rolledUp(0, 50, 5);
    expect(await duty.runOnce()).toEqual({ found: 1, frozen: 1 });
    const { frozen } = await read(own);
    expect(frozen).toMatchObject({
      by: 'system',
      evidence: { kind: 'spend_velocity', agentId: agent.id, spentNano: (50n * USD).toString() },
    });
    expect(Date.parse(frozen!.until!) - Date.now()).toBeGreaterThan(28 * 60_000);
    expect((await read(shared)).frozen).toBeNull();
    expect((await ask()).status).toBe(423);
    const [told] = await eventsOf('budget.frozen');
    expect(told?.data).toMatchObject({ budgetId: own, evidence: { kind: 'spend_velocity' }, until: frozen!.until });
    // Whoever is asked to thaw it sees what was seen.
    const asked = await client.post(`/api/budgets/${own}/request-unfreeze`, { reason: 'It is mended' });
    expect(bodyOf<{ context: object }>(asked, 201).context).toMatchObject({
      ...{ frozenReason: frozen!.reason, frozenUntil: frozen!.until, evidence: frozen!.evidence },
    });
  });

  it('are found once in a quarter of an hour, also by several at once and after somebody thawed the budget', async () => {
    await set({ mode: 'freeze' });
    await livedThrough(12);
    await rolledUp(0, 50, 5);
    const runs = await Promise.all(Array.from({ length: 3 }, () => duty.runOnce()));
    expect(runs.reduce((sum, run) => sum + run.frozen, 0)).toBe(1);
    bodyOf(await gateway.owner.post(`/api/budgets/${own}/unfreeze`), 200);
    expect(await duty.runOnce()).toEqual({ found: 0, frozen: 0 });
    expect((await read(own)).frozen).toBeNull();
    expect(await eventsOf('agent.anomaly_found')).toHaveLength(1);
  });

  it('are thawed by themselves when the time is over, once', async () => {
    const thaws = new Thaws(gateway.db.database);
    await set({ mode: 'freeze' });
    await livedThrough(12);
    await rolledUp(0, 50, 5);
    await duty.runOnce();
    expect(await thaws.runOnce()).toEqual({ thawed: 0 });
    await query('update budgets set frozen_until = now() where frozen_until is not null');
    const runs = await Promise.all([thaws.runOnce(), thaws.runOnce()]);
    expect(runs.reduce((sum, run) => sum + run.thawed, 0)).toBe(1);
    expect((await ask()).status).toBe(201);
    expect((await eventsOf('budget.unfrozen')).map(({ data }) => data)).toMatchObject([
      { budgetId: own, expired: true },
    ]);
  });

  it('leave a budget frozen that somebody froze without an end', async () => {
    bodyOf(await gateway.owner.post(`/api/budgets/${own}/freeze`, { reason: 'Mine' }), 200);
    await set({ mode: 'freeze' });
    await livedThrough(12);
    await rolledUp(0, 50, 5);
    expect(await duty.runOnce()).toEqual({ found: 1, frozen: 0 });
    expect((await read(own)).frozen).toMatchObject({ reason: 'Mine', until: null, evidence: null });
  });

  it('are nobody on their first day, nor where the workspace does not want to know', async () => {
    await set({ mode: 'freeze', repeatedCalls: 10 });
    await livedThrough(11);
    await rolledUp(0, 50, 5);
    await askOften(12);
    expect(await duty.runOnce()).toEqual({ found: 0, frozen: 0 });
    await rolledUp(12, 2, 5);
    await set({ mode: 'off' });
    expect(await duty.runOnce()).toEqual({ found: 0, frozen: 0 });
    await set({ mode: 'flag' });
    expect((await duty.runOnce()).found).toBe(2);
  });

  it('are found soon after the quarter of an hour in whose last seconds it happened, once', async () => {
    class LookingBack extends AnomalyStore {
      protected override readonly stillJudgedSeconds = QUARTER_MS / 1_000;
    }
    const late = new Anomalies(gateway.db.database, new LookingBack());
    for (let ago = 2; ago <= 13; ago += 1) await rolledUp(ago, 2, 5);
    await rolledUp(1, 50, 5);
    expect(await late.runOnce()).toEqual({ found: 1, frozen: 0 });
    expect(await late.runOnce()).toEqual({ found: 0, frozen: 0 });
    const [found] = await eventsOf('agent.anomaly_found');
    expect(found?.data).toMatchObject({ kind: 'spend_velocity', evidence: { spentNano: (50n * USD).toString() } });
  });

  it('repeat one call, and are told apart from those whose calls differ', async () => {
    await set({ repeatedCalls: 10 });
    await livedThrough(12);
    await askOften(12, (n) => ({ tags: { page: `${n}` } }));
    expect(await duty.runOnce()).toEqual({ found: 0, frozen: 0 });
    await askOften(11);
    expect((await duty.runOnce()).found).toBe(1);
    const [found] = await eventsOf('agent.anomaly_found');
    expect(found?.data).toMatchObject({ kind: 'repeated_calls', evidence: { repeated: 11, calls: 23, busyCalls: 5 } });
  });

  it('ask again and again for what is refused; what a frozen budget refuses is no storm', async () => {
    await set({ denials: 10 });
    await livedThrough(12);
    bodyOf(await gateway.owner.post(`/api/budgets/${own}/freeze`, { reason: 'x' }), 200);
    await askOften(12);
    expect(await duty.runOnce()).toEqual({ found: 0, frozen: 0 });
    bodyOf(await gateway.owner.post(`/api/budgets/${own}/unfreeze`), 200);
    await askOften(10, () => ({ estimate: { costUsd: '5000' } }));
    expect((await duty.runOnce()).found).toBe(1);
    const [found] = await eventsOf('agent.anomaly_found');
    expect(found?.data).toMatchObject({ kind: 'denial_storm', evidence: { denials: 10, admitted: 0 } });
  });
});
