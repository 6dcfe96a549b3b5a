import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { ForgetAnswers } from './forget-answers.js';

describe('kept answers', () => {
  let gateway: TestGateway;
  let duty: ForgetAnswers;

  beforeEach(async () => {
    gateway = await startGateway();
    duty = new ForgetAnswers(gateway.db.database);
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql));
  const keys = async () =>
    (await query<{ key: string }>('select key from idempotency_keys order by key')).map((row) => row.key);
  const admit = async (key: string): Promise<string> => {
    const body = { agent: 'worker', model: 'any', estimate: { costUsd: '0.5' } };
    const answer = await gateway.owner.post('/api/executions', body, { 'idempotency-key': key });
    return bodyOf<{ id: string }>(answer, 201).id;
  };

  it('are forgotten after a day, and not before', async () => {
    await admit('old');
    const young = await admit('young');
    await query(`update idempotency_keys set created_at = now() - interval '24 hours 1 second' where key = 'old'`);
    await query(`update idempotency_keys set created_at = now() - interval '23 hours 59 minutes' where key = 'young'`);
    expect(await duty.runOnce()).toEqual({ forgotten: 1 });
    expect(await keys()).toEqual(['young']);
    expect(await duty.runOnce()).toEqual({ forgotten: 0 });
    expect(await admit('young')).toBe(young);
  });
});
