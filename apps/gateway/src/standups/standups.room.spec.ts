import { v7 as newId } from 'uuid';
import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { StandupPreviewView, StandupSummaryView, StandupView } from './standup.view.js';

describe('stand-ups over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const preview = async (client: ApiClient) =>
    bodyOf<StandupPreviewView>(await client.get('/api/standups/preview'), 200);
  let count = 0;
  async function house() {
    const { id, slug } = await gateway.workspace(`standing-${++count}`);
    return { id, slug, client: gateway.as(gateway.db.ownerKey, slug) };
  }
  const eventsOf = (workspaceId: string) =>
    query<{ data: Record<string, unknown> }>(
      "select data from events where workspace_id = $1 and type = 'standup.sent' order by seq",
      [workspaceId],
    );

  it('say of an empty board that there is nothing, and of the span that it is a day', async () => {
    const { client } = await house();
    const standup = await preview(client);
    expect(standup.sections).toEqual({
      ...{ completed: [], inProgress: [], blocked: [], needsReview: [], decisions: [] },
      spend: { costUsd: '0', executions: 0, byAgent: [], budgets: [] },
    });
    expect(Date.parse(standup.to) - Date.parse(standup.from)).toBe(86_400_000);
    expect(standup.markdown.match(/^Nothing\.$/gm)).toHaveLength(5);
    expect(bodyOf(await client.get('/api/standups'), 200)).toEqual({ items: [], nextCursor: null });
  });

  it('put every task where it stands, with whoever had it', async () => {
    const { client, id } = await house();
    const agent = await insertAgent(gateway.db, { maxConcurrent: 10 });
    const task = async (title: string) => {
      await createTask(client, { title });
      return claim(client, agent.id);
    };
    const done = await task('Done');
    bodyOf(await client.post(`/api/tasks/${done.task.id}/complete`, { lease: leaseOf(done), result: {} }), 200);
    const blocked = await task('Blocked');
    bodyOf(
      await client.post(`/api/tasks/${blocked.task.id}/block`, { lease: leaseOf(blocked), blockerReason: 'No key' }),
      200,
    );
    const failed = await task('Failed');
    bodyOf(
      await client.post(`/api/tasks/${failed.task.id}/fail`, {
        lease: leaseOf(failed),
        kind: 'permanent',
        error: 'Broke',
      }),
      200,
    );
    const running = await task('Running');
    const reviewed = await task('To review');
    await query(
      `update tasks set status = 'review', completion_message = 'Look', lease_id = null, lease_agent_id = null,
              lease_expires_at = null, leased_at = null, stalled_at = null, timeout_at = null where id = $1`,
      [reviewed.task.id],
    );
    await createTask(client, { title: 'Still in the inbox' });
    await query(
      `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, ended_at, result)
       values ($1, $2, $3, 'Before', 'done', 'normal', now(), 'system', now() - interval '25 hours', '{}')`,
      [gateway.db.organizationId, id, newId()],
    );
    const { sections, totals, markdown } = await preview(client);
    const { name } = agent;
    const since = expect.any(String);
    expect(sections).toMatchObject({
      completed: [{ taskId: done.task.id, title: 'Done', agent: name, since }],
      inProgress: [{ taskId: running.task.id, title: 'Running', agent: name, since }],
      blocked: [{ taskId: blocked.task.id, title: 'Blocked', agent: name, reason: 'No key' }],
      needsReview: [
        { taskId: reviewed.task.id, status: 'review', reason: 'Look' },
        { taskId: failed.task.id, status: 'failed', reason: 'Broke', agent: name },
      ],
    });
    expect(totals).toEqual({ completed: 1, inProgress: 1, blocked: 1, needsReview: 2, decisions: 0 });
    expect(markdown).not.toMatch(/Before|inbox/);
  });

  it('tell what people decided, what waits for them, and not what the policy let pass', async () => {
    const { client, id } = await house();
    const { id: memberId } = bodyOf<{ id: string }>(
      await client.post('/api/members', { email: 'a@example.com', name: 'Ada', role: 'admin' }),
      201,
    );
    const approval = async (title: string, status: string, by: string | null, ago: string) =>
      query(
        `insert into approvals (organization_id, workspace_id, id, kind, status, policy, action, description, risk, payload_digest,
                                assignees, requested_by, requester_key_id, due_at, decision, comment, approved_digest, resolved_by,
                                resolver_member_id, resolved_at)
         select $1, $2, $3, 'action', $5, case when $6 = 'policy' then 'auto_approved' else 'pending' end, 'deploy', $4, 'medium',
                d.digest, '[{"role": "owner"}]', 'system', $3, case when $5 = 'pending' then now() end,
                case when $7::uuid is not null then 'approve' end, case when $7::uuid is not null then 'Go on' end,
                case when $5 = 'approved' then d.digest end, $6, $7, case when $5 <> 'pending' then now() - $8::interval end
           from (select 'sha256:' || repeat('a', 64) as digest) d`,
        [gateway.db.organizationId, id, newId(), title, status, by, by?.startsWith('key') ? memberId : null, ago],
      );
    await approval('Deploy it', 'approved', 'key:x', '1 hour');
    await approval('Nobody answered', 'expired', 'timeout', '2 hours');
    await approval('By itself', 'approved', 'policy', '1 hour');
    await approval('Last week', 'approved', 'key:x', '7 days');
    await approval('May I?', 'pending', null, '0');
    const { sections, totals } = await preview(client);
    expect(sections.decisions).toMatchObject([
      { title: 'Deploy it', status: 'approved', by: 'Ada', comment: 'Go on' },
      { title: 'Nobody answered', status: 'expired', by: 'timeout' },
    ]);
    expect(sections.needsReview).toMatchObject([{ title: 'May I?', status: 'pending', taskId: null }]);
    expect(totals).toMatchObject({ decisions: 2, needsReview: 1 });
  });

  it('name the key of a decision that belongs to nobody', async () => {
    const { client, slug } = await house();
    const { key } = bodyOf<{ key: string }>(
      await client.post('/api/keys', { name: 'Front desk', role: 'admin', workspace: slug }),
      201,
    );
    const wish = { subject: { action: 'deploy' }, description: 'Deploy it', risk: 'medium', payload: {} };
    const { id } = bodyOf<{ id: string }>(await client.post('/api/approvals', wish), 201);
    bodyOf(await gateway.as(key, slug).post(`/api/approvals/${id}/resolve`, { decision: 'reject' }), 200);
    const { sections, markdown } = await preview(client);
    expect(sections.decisions).toMatchObject([{ approvalId: id, status: 'rejected', by: 'Front desk' }]);
    expect(markdown).toContain('rejected: Deploy it, by Front desk');
  });

  it('count what was spent against the budgets that bind the workspace, and nothing of others', async () => {
    const [here, there] = [await house(), await house()];
    bodyOf(await here.client.post('/api/budgets', { name: 'Team', limitUsd: '10', period: 'day' }), 201);
    bodyOf(await there.client.post('/api/budgets', { name: 'Theirs', limitUsd: '10', period: 'day' }), 201);
    const spend = async (client: ApiClient, agent: string, costUsd: string) => {
      const run = { agent, model: 'gpt-4o', estimate: { costUsd } };
      const { id } = bodyOf<{ id: string }>(await client.post('/api/executions', run), 201);
      bodyOf(await client.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd }), 200);
    };
    await spend(here.client, 'spender', '0.3');
    await spend(here.client, 'saver', '0.01');
    await spend(there.client, 'spender', '5');
    bodyOf(
      await here.client.post('/api/executions', { agent: 'spender', model: 'm', estimate: { costUsd: '1' } }),
      201,
    );
    const { spend: told } = (await preview(here.client)).sections;
    expect(told).toMatchObject({
      ...{ costUsd: '0.31', executions: 2 },
      byAgent: [
        { agent: 'spender', costUsd: '0.3' },
        { agent: 'saver', costUsd: '0.01' },
      ],
      budgets: [{ name: 'Team', limitUsd: '10', spentUsd: '0.31', heldUsd: '1', remainingUsd: '8.69' }],
    });
  });

  it('are sent once per Idempotency-Key, kept as they were, and told as one event', async () => {
    const { client, id } = await house();
    await createTask(client, { title: 'Afterwards renamed' });
    const first = await client.post('/api/standups/send', {}, { 'idempotency-key': 'once' });
    const sent = bodyOf<StandupView>(first, 201);
    expect(bodyOf(await client.post('/api/standups/send', {}, { 'idempotency-key': 'once' }), 201)).toEqual(sent);
    expect(sent).toMatchObject({ origin: 'manual', status: 'sent', sentAt: expect.any(String) });
    expect(bodyOf(await client.get(`/api/standups/${sent.id}`), 200)).toEqual(sent);
    const second = bodyOf<StandupView>(await client.post('/api/standups/send', {}), 201);
    const { items } = bodyOf<{ items: StandupSummaryView[] }>(await client.get('/api/standups'), 200);
    expect(items.map((one) => one.id)).toEqual([second.id, sent.id]);
    expect(items[0]).not.toHaveProperty('sections');
    const page = bodyOf<{ nextCursor: string }>(await client.get('/api/standups?limit=1'), 200);
    const next = await client.get(`/api/standups?limit=1&cursor=${page.nextCursor}`);
    expect(bodyOf<{ items: StandupSummaryView[] }>(next, 200).items.map((one) => one.id)).toEqual([sent.id]);
    const events = await eventsOf(id);
    expect(events.map(({ data }) => data.standupId)).toEqual([sent.id, second.id]);
    expect(events[0]?.data).toMatchObject({ title: sent.title, text: expect.stringContaining('Completed (0)') });
    expect(JSON.stringify(events[0]).length).toBeLessThan(15_000);
  });

  it('wait where they are switched off', async () => {
    const { client, id, slug } = await house();
    const settings = { features: { standups: false } };
    bodyOf(await gateway.owner.patch(`/api/workspaces/${slug}`, { settings }), 200);
    const waiting = bodyOf<StandupView>(await client.post('/api/standups/send'), 201);
    expect(waiting).toMatchObject({ status: 'waiting', sentAt: null });
    await client.post('/api/standups/send');
    expect(bodyOf(await client.get(`/api/standups/${waiting.id}`), 200)).toMatchObject({ status: 'waiting' });
    expect(await eventsOf(id)).toEqual([]);
  });

  it('made at once by many are all kept, and all wait where they are switched off', async () => {
    const { client, slug, id } = await house();
    bodyOf(await gateway.owner.patch(`/api/workspaces/${slug}`, { settings: { features: { standups: false } } }), 200);
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post('/api/standups/send')));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(201));
    const rows = await query<{ status: string; count: number }>(
      'select status, count(*)::int from standups where workspace_id = $1 group by 1 order by 1',
      [id],
    );
    expect(rows).toEqual([{ status: 'waiting', count: 10 }]);
  });
});

function leaseOf({ lease }: { lease: { id: string; fence: number } }) {
  return { id: lease.id, fence: lease.fence };
}
