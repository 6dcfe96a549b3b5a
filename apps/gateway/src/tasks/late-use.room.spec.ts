import { taskDuties } from '../../../../test/support/duties.js';
import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

/** A million tokens of input cost 0.15 USD, of output 0.60 USD. */
const MODEL = 'gpt-4o-mini';

describe('what is used under a lease', () => {
  let gateway: TestGateway;
  let duties: ReturnType<typeof taskDuties>;
  let agent: { id: string };

  beforeEach(async () => {
    gateway = await startGateway();
    duties = taskDuties(gateway.db.database);
    agent = await insertAgent(gateway.db, { provider: 'openai' });
    await query(`update agents set models = array[$1]`, [MODEL]);
    bodyOf(await post('/api/budgets', { name: 'all', limitUsd: '5', period: 'day' }), 201);
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const post = (path: string, body: object) => gateway.owner.post(path, body);
  const begin = async () => {
    const { id } = await createTask(gateway.owner, { budgetUsd: '1' });
    const { lease, task } = await claim(gateway.owner, agent.id);
    return { id, lease: { id: lease.id, fence: lease.fence }, executionId: task['executionId'] as string };
  };
  const lose = async (column = 'lease_expires_at') => {
    await query(`update tasks set ${column} = now() - interval '1 millisecond' where lease_id is not null`);
    await duties.leases.runOnce();
  };
  const millions = (inputTokens: number, outputTokens = 0) => ({
    usage: { inputTokens: inputTokens * 1_000_000, outputTokens: outputTokens * 1_000_000 },
  });
  const books = async () => {
    const [row] = await query('select held_nano, spent_nano from budget_windows');
    const proof = bodyOf(await post('/api/ledger/verify', {}), 200);
    expect(proof).toMatchObject({ ok: true });
    return row;
  };
  const statusOf = async (id: string) =>
    bodyOf<{ status: string }>(await gateway.owner.get(`/api/executions/${id}`), 200).status;

  it('and told too late is still counted, once, although the report is refused', async () => {
    const { id, lease, executionId } = await begin();
    bodyOf(await post(`/api/tasks/${id}/heartbeat`, { lease, ...millions(1) }), 200);
    await lose();
    expect(await books()).toEqual({ held_nano: '0', spent_nano: '150000000' });
    expect(await statusOf(executionId)).toBe('expired');
    const beat = await post(`/api/tasks/${id}/heartbeat`, { lease, ...millions(2) });
    expect([beat.status, beat.body.code]).toEqual([409, 'lease_lost']);
    expect(await books()).toEqual({ held_nano: '0', spent_nano: '300000000' });
    for (let n = 0; n < 2; n += 1) {
      const late = await post(`/api/tasks/${id}/complete`, { lease, result: 1, ...millions(2, 1) });
      expect([late.status, late.body.code]).toEqual([409, 'lease_lost']);
      expect(await books()).toEqual({ held_nano: '0', spent_nano: '900000000' });
    }
    expect(await statusOf(executionId)).toBe('failed');
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${id}`), 200)).toMatchObject({ status: 'inbox', result: null });
  });

  it('is counted also while nobody has noticed the loss', async () => {
    const { id, lease } = await begin();
    await query(`update tasks set lease_expires_at = now() - interval '1 millisecond'`);
    expect((await post(`/api/tasks/${id}/complete`, { lease, result: 1, ...millions(1) })).status).toBe(409);
    await duties.leases.runOnce();
    expect(await books()).toEqual({ held_nano: '0', spent_nano: '150000000' });
  });

  it('is never taken back by a report that knows less', async () => {
    const { id, lease } = await begin();
    bodyOf(await post(`/api/tasks/${id}/heartbeat`, { lease, ...millions(2) }), 200);
    await lose('timeout_at');
    await lose();
    expect((await post(`/api/tasks/${id}/heartbeat`, { lease, ...millions(1) })).status).toBe(409);
    expect(await books()).toEqual({ held_nano: '0', spent_nano: '300000000' });
  });

  it("is not counted on another agent's word", async () => {
    const { id, lease } = await begin();
    await lose();
    const other = await insertAgent(gateway.db);
    const stranger = gateway.as(await gateway.key({ role: 'agent', agentId: other.id }));
    expect((await stranger.post(`/api/tasks/${id}/heartbeat`, { lease, ...millions(9) })).status).toBe(409);
    expect(await books()).toEqual({ held_nano: '0', spent_nano: '0' });
  });

  it.each([{ kind: 'transient' }, { kind: 'permanent' }, { kind: 'quota' }])(
    'is settled with a failure that tells it: %j',
    async (failure) => {
      const { id, lease, executionId } = await begin();
      bodyOf(await post(`/api/tasks/${id}/fail`, { lease, error: 'no', ...failure, ...millions(1) }), 200);
      expect(await books()).toEqual({ held_nano: '0', spent_nano: '150000000' });
      expect(await statusOf(executionId)).toBe('failed');
    },
  );
});
