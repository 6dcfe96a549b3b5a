import { insertBudget } from '../../../../test/factories/budget.js';
import { administer } from '../../../../test/support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { CountersVerdictView } from './verdict.dto.js';

describe('POST /api/ledger/verify', () => {
  let gateway: TestGateway;
  let budget: string;

  beforeAll(async () => {
    gateway = await startGateway();
    budget = await insertBudget(gateway.db);
    await insertBudget(gateway.db, { workspaceId: null, period: 'day' });
    const admit = async (holdSeconds: number) => {
      const body = { agent: 'ada', model: 'any', estimate: { costUsd: '1' }, holdSeconds };
      return bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', body), 201).id;
    };
    const ids = await Promise.all(Array.from({ length: 6 }, () => admit(900)));
    const complete = (id: string | undefined, costUsd: string) =>
      gateway.owner.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd });
    await complete(ids[0], '0.4');
    await complete(ids[1], '1.5');
    await gateway.owner.post(`/api/executions/${ids[2]}/cancel`);
    await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query('update executions set hold_expires_at = now() where id = $1', [ids[3]]),
    );
    await gateway.db.database.statement('select expire_holds($1, 10)', [gateway.db.organizationId]);
    await complete(ids[3], '0.2');
    await insertBudget(gateway.db, { name: 'opened in the middle' });
  });
  afterAll(() => gateway.close());

  const verify = async () => bodyOf<CountersVerdictView>(await gateway.owner.post('/api/ledger/verify'), 200);
  const tamper = (sql: string) =>
    administer(gateway.db.url, (client) => client.query(`set session_replication_role = replica; ${sql}`));

  it('finds every counter to be the sum of its entries', async () => {
    expect(await verify()).toEqual({ ok: true, checked: 15 });
  });

  it.each([
    ['spent', 'spent_nano', '2.1'],
    ['overage', 'overage_nano', '0.5'],
    ['unreserved', 'unreserved_nano', '0.2'],
  ])('names the window whose %s was changed by one nano-dollar', async (counter, column, expected) => {
    await tamper(`update budget_windows set ${column} = ${column} + 1 where budget_id = '${budget}'`);
    const { ok, firstFault } = await verify();
    expect([ok, firstFault]).toMatchObject([false, { budgetId: budget, counter, expected }]);
    expect(firstFault?.actual).toBe(`${expected}${'0'.repeat(11 - expected.length - 1)}1`);
    await tamper(`update budget_windows set ${column} = ${column} - 1 where budget_id = '${budget}'`);
    expect((await verify()).ok).toBe(true);
  });

  it('notices a live run that holds something else than its windows say', async () => {
    await tamper(`update executions set held_nano = held_nano + 1 where status = 'admitted'`);
    expect((await verify()).firstFault).toMatchObject({ counter: 'heldByLiveExecutions' });
    await tamper(`update executions set held_nano = held_nano - 1 where status = 'admitted'`);
  });

  it('notices a window that has vanished', async () => {
    await tamper(`create table kept as select * from budget_windows where budget_id = '${budget}';
                  delete from budget_windows where budget_id = '${budget}'`);
    expect((await verify()).firstFault).toMatchObject({ budgetId: budget, actual: '0' });
    await tamper('insert into budget_windows select * from kept; drop table kept');
    expect((await verify()).ok).toBe(true);
  });

  it('is for owners and admins of the whole organization', async () => {
    const member = gateway.as(await gateway.key({ role: 'member' }));
    const bound = gateway.as(await gateway.key({ role: 'admin', workspaceId: gateway.db.workspaceId }));
    expect((await member.post('/api/ledger/verify')).status).toBe(403);
    expect((await bound.post('/api/ledger/verify')).status).toBe(403);
  });
});
