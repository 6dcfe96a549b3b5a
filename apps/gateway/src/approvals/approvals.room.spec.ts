import { createHash } from 'node:crypto';
import { type ApprovalJson, requestApproval } from '../../../../test/factories/approval.js';
import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { ApprovalMetricsView } from './approval-metrics.view.js';

interface Told {
  type: string;
  actor: string;
  data: Record<string, unknown>;
}

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('approvals over HTTP', () => {
  let gateway: TestGateway;
  /** An agent asks, an admin decides. */
  let agentId: string;
  let agent: ApiClient;
  let admin: ApiClient;

  beforeAll(async () => {
    gateway = await startGateway();
    agentId = (await insertAgent(gateway.db)).id;
    agent = await clientOf('agent', agentId);
    admin = await clientOf('admin');
  });
  afterAll(() => gateway.close());

  const clientOf = async (role: 'owner' | 'admin' | 'member' | 'agent' | 'viewer', boundTo?: string) =>
    gateway.as(await gateway.key({ role, agentId: boundTo }));
  const resolve = (client: ApiClient, { id }: { id: string }, body: object = { decision: 'approve' }) =>
    client.post(`/api/approvals/${id}/resolve`, body);
  const read = async ({ id }: { id: string }) =>
    bodyOf<ApprovalJson>(await gateway.owner.get(`/api/approvals/${id}`), 200);
  const toldOf = ({ id }: { id: string }) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<Told>('select type, actor, data from events where subject = $1 order by seq', [`approval:${id}`]),
    );
  const codeOf = (answer: { status: number; body: unknown }) => [
    answer.status,
    (answer.body as { code?: string }).code,
  ];
  const memberClient = async (role: string) => {
    const fields = { email: `${role}-${Math.random()}@example.com`, name: role, role };
    const { id } = bodyOf<{ id: string }>(await gateway.owner.post('/api/members', fields), 201);
    const key = bodyOf<{ key: string }>(await gateway.owner.post('/api/keys', { name: 'k', role, member: id }), 201);
    return { id, client: gateway.as(key.key) };
  };

  describe('asking', () => {
    it('answers at once what becomes of it, and leaves a row also of what nobody has to decide', async () => {
      const asked = await requestApproval(agent, { risk: 'low', confidence: 95, payload: { b: 1, a: [] } });
      expect(asked).toMatchObject({
        ...{ status: 'approved', policy: 'auto_approved', resolvedBy: 'policy', decision: null },
        ...{ payloadDigest: sha256('{"a":[],"b":1}'), approvedDigest: asked.payloadDigest },
      });
      expect(await read(asked)).toEqual(asked);
      expect((await toldOf(asked)).map(({ type, data }) => [type, data['recipients']])).toEqual([
        ['approval.requested', undefined],
        ['approval.resolved', undefined],
      ]);
    });

    it('asks owners and admins when it names nobody, and owners alone when it is blocked, whoever it names', async () => {
      expect((await requestApproval(agent)).assignees).toEqual([{ role: 'owner' }, { role: 'admin' }]);
      const blocked = await requestApproval(agent, { risk: 'high', assignees: [{ role: 'member' }] });
      expect(blocked).toMatchObject({ policy: 'blocked', status: 'pending', assignees: [{ role: 'owner' }] });
      const [told] = await toldOf(blocked);
      expect(told?.data).toMatchObject({ recipients: [{ role: 'owner' }], critical: true, policy: 'blocked' });
    });

    it('tells those who are asked, by the channels it names, and never the one who asks', async () => {
      const ada = await memberClient('member');
      const fields = { assignees: [{ agent: agentId }, { member: ada.id }], channels: ['slack', 'inbox'] };
      const asked = await requestApproval(agent, fields);
      const [told] = await toldOf(asked);
      expect(told?.data).toMatchObject({
        ...{ recipients: [{ member: ada.id }], channels: ['slack', 'inbox'] },
        ...{ title: 'Approval needed: send_email', text: 'Send it', payloadDigest: asked.payloadDigest },
      });
    });

    it('tells owners where nobody but the one who asks is named', async () => {
      const asked = await requestApproval(agent, { assignees: [{ agent: agentId }] });
      const [told] = await toldOf(asked);
      expect(told?.data).toMatchObject({ recipients: [{ role: 'owner' }], title: 'Approval needed: send_email' });
    });

    it('names no viewer as the one who decides', async () => {
      const { id } = await memberClient('viewer');
      const body = { subject: { action: 'x' }, description: 'x', risk: 'medium', assignees: [{ member: id }] };
      expect(await agent.post('/api/approvals', body)).toMatchObject({
        ...{ status: 422, body: { errors: [{ path: 'assignees[0].member' }] } },
      });
      const asked = await requestApproval(agent);
      const handed = await gateway.owner.post(`/api/approvals/${asked.id}/delegate`, { to: { member: id } });
      expect(handed).toMatchObject({ status: 422, body: { errors: [{ path: 'to.member' }] } });
    });

    it('keeps to the thresholds of the workspace', async () => {
      const { slug } = await gateway.workspace('careful');
      const owner = gateway.as(gateway.db.ownerKey, slug);
      const settings = (approvals: object) => owner.patch(`/api/workspaces/${slug}`, { settings: { approvals } });
      bodyOf(await settings({ autoApproveAbove: 98 }), 200);
      expect(await requestApproval(owner, { risk: 'low', confidence: 95 })).toMatchObject({ policy: 'pending' });
      const changed = bodyOf<{ settings: object }>(await settings({ blockBelow: 96 }), 200);
      expect(changed.settings).toMatchObject({ approvals: { autoApproveAbove: 98, blockBelow: 96 } });
      expect(await requestApproval(owner, { risk: 'low', confidence: 95 })).toMatchObject({ policy: 'blocked' });
    });

    it.each<[string, Record<string, unknown>]>([
      ['a yes by silence to what is external', { isExternal: true, onTimeout: 'approve' }],
      ['a yes by silence to what is blocked', { risk: 'high', onTimeout: 'approve' }],
      ['a deadline that is over', { deadline: '2020-01-01T00:00:00Z' }],
      ['a recommendation of what is not offered', { options: ['a'], recommended: 'b' }],
      ['an unknown task', { subject: { action: 'x', taskId: '0199aaaa-0000-7000-8000-000000000001' } }],
      ['an unknown execution', { subject: { action: 'x', executionId: '0199aaaa-0000-7000-8000-000000000001' } }],
      ['an assignee who is two', { assignees: [{ role: 'owner', agent: 'x' }] }],
      ['an assignee who is none', { assignees: [{}] }],
      ['an unknown agent', { assignees: [{ agent: 'nobody' }] }],
      ['an unknown member', { assignees: [{ member: '0199aaaa-0000-7000-8000-000000000001' }] }],
      ['more than all confidence', { confidence: 100.1 }],
      ['an unknown risk', { risk: 'none' }],
    ])('refuses %s, and keeps nothing of it', async (_, fields) => {
      const count = async () =>
        bodyOf<{ items: unknown[] }>(await gateway.owner.get('/api/approvals?limit=200'), 200).items.length;
      const before = await count();
      const body = { subject: { action: 'x' }, description: 'x', risk: 'low', confidence: 95, ...fields };
      expect(codeOf(await agent.post('/api/approvals', body))).toEqual([422, 'invalid_values']);
      expect(await count()).toBe(before);
    });

    it('twice under one Idempotency-Key makes one', async () => {
      const body = { subject: { action: 'x' }, description: 'x', risk: 'medium' };
      const ask = () => agent.post('/api/approvals', body, { 'idempotency-key': 'same-approval' });
      expect((await ask()).text).toBe((await ask()).text);
    });
  });

  describe('a task', () => {
    it('has one pending approval at most: a second names it', async () => {
      const { id: taskId } = await createTask(gateway.owner);
      const subject = { action: 'deploy', taskId };
      const first = await requestApproval(agent, { subject });
      const second = await agent.post('/api/approvals', { subject, description: 'x', risk: 'medium' });
      expect(codeOf(second)).toEqual([409, 'approval_pending']);
      expect(second.body).toMatchObject({ approvalId: first.id });
      expect(await requestApproval(agent, { subject, risk: 'low', confidence: 99 })).toMatchObject({
        status: 'approved',
      });
      bodyOf(await resolve(admin, first), 200);
      expect(await requestApproval(agent, { subject })).toMatchObject({ status: 'pending' });
    });

    it('waits in the inbox until the decision, and says so', async () => {
      const worker = await insertAgent(gateway.db, { capabilities: [{ name: 'deploying', level: 5 }] });
      const requiredCapabilities = [{ name: 'deploying', minLevel: 1 }];
      const { id: taskId } = await createTask(gateway.owner, { requiredCapabilities });
      const asked = await requestApproval(agent, { subject: { action: 'deploy', taskId } });
      expect((await gateway.owner.post(`/api/agents/${worker.id}/claim`)).status).toBe(204);
      expect(bodyOf(await gateway.owner.get(`/api/tasks/${taskId}/why`), 200)).toMatchObject({
        ...{ reason: 'approval', waitsFor: [{ kind: 'approval', id: asked.id }] },
      });
      const waiting = async () =>
        bodyOf<{ waiting: { approval: number } }>(await gateway.owner.get('/api/dashboard/state'), 200).waiting
          .approval;
      const before = await waiting();
      expect(before).toBeGreaterThan(0);
      bodyOf(await resolve(admin, asked, { decision: 'reject' }), 200);
      expect(await waiting()).toBe(before - 1);
      expect((await claim(gateway.owner, worker.id)).task.id).toBe(taskId);
    });

    it('stays with the agent that works on it', async () => {
      const worker = await insertAgent(gateway.db, { capabilities: [{ name: 'posting', level: 5 }] });
      const { id: taskId } = await createTask(gateway.owner, {
        requiredCapabilities: [{ name: 'posting', minLevel: 1 }],
      });
      const { lease } = await claim(gateway.owner, worker.id);
      const asked = await requestApproval(agent, { subject: { action: 'post', taskId } });
      const report = { lease: { id: lease.id, fence: lease.fence }, result: 'done' };
      expect((await gateway.owner.post(`/api/tasks/${taskId}/complete`, report)).status).toBe(200);
      expect(await read(asked)).toMatchObject({ status: 'pending' });
      const late = await agent.post('/api/approvals', {
        ...{ subject: { action: 'x', taskId }, description: 'x', risk: 'medium' },
      });
      expect(codeOf(late)).toEqual([409, 'conflict']);
    });
  });

  describe('looking', () => {
    it('finds them by state, by task and by who is asked', async () => {
      const { slug } = await gateway.workspace('listed');
      const inThere = async (role: 'admin' | 'member' | 'owner') => gateway.as(await gateway.key({ role }), slug);
      const [asking, deciding, bystander] = [await inThere('owner'), await inThere('admin'), await inThere('member')];
      const { id: taskId } = await createTask(asking);
      const rows = [
        await requestApproval(asking, { subject: { action: 'a', taskId } }),
        await requestApproval(asking, { assignees: [{ role: 'member' }] }),
        await requestApproval(asking, { risk: 'high' }),
      ];
      const ids = async (client: ApiClient, query: string) =>
        bodyOf<{ items: ApprovalJson[] }>(await client.get(`/api/approvals${query}`), 200).items.map(({ id }) => id);
      const of = (...places: number[]) => places.map((place) => rows[place]!.id);
      expect(await ids(asking, '')).toEqual(of(2, 1, 0));
      expect(await ids(asking, `?taskId=${taskId}`)).toEqual(of(0));
      expect(await ids(deciding, '?assignee=me')).toEqual(of(1, 0));
      expect(await ids(bystander, '?assignee=me')).toEqual(of(1));
      bodyOf(await resolve(deciding, rows[0]!), 200);
      expect(await ids(asking, '?status=pending')).toEqual(of(2, 1));
      const page = bodyOf<{ items: ApprovalJson[]; nextCursor: string }>(
        await asking.get('/api/approvals?limit=2'),
        200,
      );
      expect(await ids(asking, `?limit=2&cursor=${page.nextCursor}`)).toEqual(of(0));
    });

    it('tells how fast decisions are made, by who asked and who decided, and counts no machine among them', async () => {
      const { slug } = await gateway.workspace('measured');
      const [asking, deciding] = [
        gateway.as(await gateway.key({ role: 'agent', agentId }), slug),
        gateway.as(await gateway.key({ role: 'admin' }), slug),
      ];
      expect(bodyOf(await deciding.get('/api/approvals/metrics'), 200)).toEqual({
        ...{ medianSeconds: null, p95Seconds: null, approvalRate: null, decisions: 0, backlog: 0 },
        ...{ byAgent: [], byApprover: [] },
      });
      const askedAgo = async (seconds: number) => {
        const asked = await requestApproval(asking);
        await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
          tx.query('update approvals set created_at = now() - make_interval(secs => $2) where id = $1', [
            asked.id,
            seconds,
          ]),
        );
        return asked;
      };
      for (const [seconds, decision] of [
        [1_000, 'approve'],
        [2_000, 'approve'],
        [3_000, 'approve'],
        [9_000, 'reject'],
      ] as const) {
        bodyOf(await resolve(deciding, await askedAgo(seconds), { decision }), 200);
      }
      await requestApproval(asking, { risk: 'low', confidence: 99 });
      await requestApproval(asking);
      const metrics = bodyOf<ApprovalMetricsView>(await deciding.get('/api/approvals/metrics'), 200);
      expect(metrics).toMatchObject({ approvalRate: 0.75, decisions: 4, backlog: 1 });
      expect(metrics.medianSeconds! / 2_500).toBeCloseTo(1, 1);
      expect(metrics.p95Seconds! / 8_100).toBeCloseTo(1, 1);
      expect(metrics.byAgent).toEqual([expect.objectContaining({ agentId, decisions: 4, approvalRate: 0.75 })]);
      expect(metrics.byApprover).toEqual([
        expect.objectContaining({ approver: expect.stringMatching(/^key:/) as unknown, decisions: 4 }),
      ]);
    });
  });
});
