import { requestApproval } from '../../../../test/factories/approval.js';
import { forgetRules } from '../../../../test/factories/escalation.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('rules about approvals', () => {
  let gateway: TestGateway;
  let client: ApiClient;

  beforeAll(async () => {
    gateway = await startGateway();
    client = gateway.owner;
    await forgetRules(gateway.db);
  });
  afterAll(() => gateway.close());

  const sql = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(text, values));
  const escalations = async (query = '') =>
    bodyOf<{ items: object[] }>(await client.get(`/api/escalations${query}`), 200).items;

  it('watch approvals that are about no task, whatever they ask for, until they are decided', async () => {
    const agent = await insertAgent(gateway.db);
    const asking = gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }));
    const { id: approvalId } = await requestApproval(asking);
    const rule = bodyOf<{ id: string }>(
      await client.post('/api/escalation-rules', {
        ...{ name: 'Waits', trigger: 'approvalPending', threshold: 60, actions: ['notify'] },
      }),
      201,
    );
    await sql(`update approvals set created_at = now() - interval '90 seconds' where id = $1`, [approvalId]);
    expect(bodyOf(await client.post('/api/escalation-rules/check-all'), 200)).toMatchObject({ raised: 1 });
    expect(bodyOf(await client.post('/api/escalation-rules/check-all'), 200)).toMatchObject({ raised: 0 });
    const about = { ruleId: rule.id, taskId: null, approvalId, agentId: null, budgetId: null, level: 1 };
    expect(await escalations()).toMatchObject([{ ...about, status: 'open' }]);
    expect(await escalations(`?approvalId=${approvalId}`)).toHaveLength(1);
    expect(await escalations(`?approvalId=${rule.id}`)).toEqual([]);
    const past = bodyOf<{ wouldFire: object[] }>(
      await client.post(`/api/escalation-rules/${rule.id}/dry-run`, { days: 1 }),
      200,
    );
    expect(past.wouldFire).toEqual([{ taskId: null, approvalId, at: expect.any(String) }]);
    bodyOf(await client.post(`/api/approvals/${approvalId}/resolve`, { decision: 'approve' }), 200);
    // The relay leaves this word where it runs.
    await sql('select mark_escalations($1, $2)', [
      gateway.db.organizationId,
      JSON.stringify([{ workspace_id: gateway.db.workspaceId, kind: 'approval', subject_id: approvalId }]),
    ]);
    bodyOf(await client.post('/api/escalation-rules/check-all'), 200);
    expect(await escalations()).toMatchObject([{ ...about, status: 'resolved' }]);
  });
});
