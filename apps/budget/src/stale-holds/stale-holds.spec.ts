import { insertBudget } from '../../../../test/factories/budget.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { StaleHolds } from './stale-holds.js';

interface Window {
  spent_nano: string;
  held_nano: string;
  unreserved_nano: string;
}

describe('stale holds', () => {
  let gateway: TestGateway;
  let duty: StaleHolds;

  beforeEach(async () => {
    gateway = await startGateway();
    duty = new StaleHolds(gateway.db.database);
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const admit = async (): Promise<string> => {
    const body = { agent: 'worker', model: 'any', estimate: { costUsd: '0.5' } };
    return bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', body), 201).id;
  };
  const letTimePass = () => query(`update executions set hold_expires_at = now() where status = 'admitted'`);
  const windowOf = async (budgetId: string) =>
    (await query<Window>('select * from budget_windows where budget_id = $1', [budgetId]))[0];

  it('frees a hold whose time is up, once, and says so', async () => {
    const budget = await insertBudget(gateway.db);
    const id = await admit();
    await letTimePass();
    expect(await duty.runOnce()).toEqual({ expired: 1 });
    expect(await duty.runOnce()).toEqual({ expired: 0 });
    expect(await windowOf(budget)).toMatchObject({ spent_nano: '0', held_nano: '0' });
    const events = await query<{ subject: string; actor: string }>(
      `select subject, actor from events where type = 'execution.expired'`,
    );
    expect(events).toEqual([{ subject: `execution:${id}`, actor: 'system' }]);
  });

  it('leaves a hold alone whose time is not up', async () => {
    await admit();
    expect(await duty.runOnce()).toEqual({ expired: 0 });
  });

  it('counts what a run had reported before it fell silent', async () => {
    const budget = await insertBudget(gateway.db);
    const id = await admit();
    await query(`update executions set cost_nano = 7, input_tokens = 3 where id = $1`, [id]);
    await letTimePass();
    await duty.runOnce();
    expect(await windowOf(budget)).toMatchObject({ spent_nano: '7', held_nano: '0' });
  });

  it('works through more than one batch, and asks to go on at once while a batch was full', async () => {
    await admit();
    await query(
      `insert into executions select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
         from executions e, generate_series(1, 1200)`,
    );
    await letTimePass();
    const runs = [await duty.runOnce(), await duty.runOnce(), await duty.runOnce()].map((run) => run.expired);
    expect(runs).toEqual([500, 500, 201]);
    expect(duty.batchSize).toBe(500);
  });

  it('resolves each hold exactly once when completions and several expirers race', async () => {
    const budget = await insertBudget(gateway.db);
    const ids = await Promise.all(Array.from({ length: 60 }, admit));
    await letTimePass();
    const complete = (id: string) =>
      gateway.owner.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd: '0.1' });
    const [answers] = await Promise.all([
      Promise.all(ids.map(complete)),
      duty.runOnce(),
      new StaleHolds(gateway.db.database).runOnce(),
    ]);
    await duty.runOnce();
    expect(answers.map((answer) => answer.status)).toEqual(ids.map(() => 200));
    const late = answers.filter((answer) => (answer.body as { late: boolean }).late).length;
    const releases = await query<{ subject: string; type: string }>(
      'select subject, type from events where held_delta < 0',
    );
    expect(new Set(releases.map((event) => event.subject)).size).toBe(60);
    expect(releases).toHaveLength(60);
    expect(releases.filter((event) => event.type === 'execution.expired')).toHaveLength(late);
    expect(await windowOf(budget)).toMatchObject({
      spent_nano: '6000000000',
      held_nano: '0',
      unreserved_nano: String(late * 100_000_000),
    });
  });
});
