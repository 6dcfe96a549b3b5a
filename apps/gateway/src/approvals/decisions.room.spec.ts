import { createHash } from 'node:crypto';
import { type ApprovalJson, requestApproval } from '../../../../test/factories/approval.js';
import { insertBudget } from '../../../../test/factories/budget.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

interface Told {
  type: string;
  actor: string;
  data: Record<string, unknown>;
}

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('decisions over HTTP', () => {
  let gateway: TestGateway;
  /** An agent asks, an admin decides. */
  let agentId: string;
  let agent: ApiClient;
  let admin: ApiClient;
  let member: ApiClient;

  beforeAll(async () => {
    gateway = await startGateway();
    agentId = (await insertAgent(gateway.db)).id;
    agent = await clientOf('agent', agentId);
    admin = await clientOf('admin');
    member = await clientOf('member');
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

  describe('deciding', () => {
    it('approves exactly what was asked for, and tells whoever asked', async () => {
      const asked = await requestApproval(agent, { payload: { to: 'all' } });
      const decided = bodyOf<ApprovalJson>(await resolve(admin, asked, { decision: 'approve', comment: 'Go' }), 200);
      expect(decided).toMatchObject({
        ...{ status: 'approved', decision: 'approve', comment: 'Go', approvedDigest: asked.payloadDigest },
        ...{ resolvedBy: expect.stringMatching(/^key:/) as unknown },
      });
      const [, told] = await toldOf(asked);
      expect(told).toMatchObject({ type: 'approval.resolved', actor: decided.resolvedBy });
      expect(told?.data).toMatchObject({ recipients: [{ agent: agentId }], decision: 'approve', status: 'approved' });
    });

    it('digests the edits where it approves with edits', async () => {
      const asked = await requestApproval(agent, { payload: { to: 'all', cc: [] } });
      const body = { decision: 'approve_with_edits', edits: { to: 'one' } };
      expect(bodyOf(await resolve(admin, asked, body), 200)).toMatchObject({
        ...{ status: 'approved', edits: { to: 'one' }, approvedDigest: sha256('{"to":"one"}') },
        ...{ payloadDigest: asked.payloadDigest, payload: { to: 'all', cc: [] } },
      });
    });

    it('rejects, or answers with something else than yes or no', async () => {
      const asked = await requestApproval(agent, { options: ['now', 'later'] });
      const rejected = bodyOf(await resolve(admin, await requestApproval(agent), { decision: 'reject' }), 200);
      expect(rejected).toMatchObject({ status: 'rejected', approvedDigest: null });
      const answer = { decision: 'respond', option: 'later', response: { day: 'Monday' } };
      expect(bodyOf(await resolve(admin, asked, answer), 200)).toMatchObject({
        ...{ status: 'answered', option: 'later', response: { day: 'Monday' }, approvedDigest: null },
      });
    });

    it.each<[string, object]>([
      ['an option that was not offered', { decision: 'approve', option: 'never' }],
      ['edits without a word of edits', { decision: 'approve', edits: {} }],
      ['a word of edits without edits', { decision: 'approve_with_edits' }],
      ['an answer that says nothing', { decision: 'respond' }],
    ])('refuses %s and stays pending', async (_, body) => {
      const asked = await requestApproval(agent, { options: ['now'] });
      expect(codeOf(await resolve(admin, asked, body))).toEqual([422, 'invalid_values']);
      expect(await read(asked)).toMatchObject({ status: 'pending' });
    });

    it('is refused to whoever asked: the same key, the same agent, the same member', async () => {
      const sameAgent = await clientOf('agent', agentId);
      const fields = { assignees: [{ agent: agentId }] };
      for (const client of [agent, sameAgent]) {
        const asked = await requestApproval(agent, fields);
        expect(codeOf(await resolve(client, asked))).toEqual([403, 'own_request']);
        expect(codeOf(await client.post(`/api/approvals/${asked.id}/delegate`, { to: { role: 'member' } }))).toEqual([
          403,
          'own_request',
        ]);
        expect(await read(asked)).toMatchObject({ status: 'pending' });
      }
      const asked = await requestApproval(gateway.owner);
      expect(codeOf(await resolve(gateway.owner, asked))).toEqual([403, 'own_request']);
      const ada = await memberClient('owner');
      const second = bodyOf<{ key: string }>(
        await gateway.owner.post('/api/keys', { name: 'other', role: 'owner', member: ada.id }),
        201,
      );
      const hers = await requestApproval(ada.client, { risk: 'high' });
      expect(codeOf(await resolve(gateway.as(second.key), hers))).toEqual([403, 'own_request']);
      expect((await resolve(gateway.owner, hers)).status).toBe(200);
    });

    it('is refused to those who are not asked, and blocked requests to everybody but owners', async () => {
      const reviewer = await clientOf('agent', (await insertAgent(gateway.db)).id);
      const open = await requestApproval(agent);
      for (const client of [member, reviewer]) expect(codeOf(await resolve(client, open))).toEqual([403, 'forbidden']);
      const viewer = await clientOf('viewer');
      expect(codeOf(await resolve(viewer, open))).toEqual([403, 'forbidden']);
      const blocked = await requestApproval(agent, { risk: 'high' });
      expect(codeOf(await resolve(admin, blocked))).toEqual([403, 'forbidden']);
      expect((await resolve(gateway.owner, blocked)).status).toBe(200);
    });

    it('names as its author whoever decided, so that the one who asked hears of it', async () => {
      const [ada, bob] = [await memberClient('member'), await memberClient('admin')];
      const asked = await requestApproval(ada.client);
      bodyOf(await resolve(bob.client, asked), 200);
      const [requested, resolved] = await toldOf(asked);
      expect(requested?.data).toMatchObject({
        author: { member: ada.id },
        recipients: [{ role: 'owner' }, { role: 'admin' }],
      });
      expect(resolved?.data).toMatchObject({ author: { member: bob.id }, recipients: [{ member: ada.id }] });
    });

    it('is for the member, agent or role that is named', async () => {
      const ada = await memberClient('member');
      const bob = await memberClient('member');
      const asked = await requestApproval(agent, { assignees: [{ member: ada.id }] });
      expect(codeOf(await resolve(bob.client, asked))).toEqual([403, 'forbidden']);
      expect((await resolve(ada.client, asked)).status).toBe(200);
      const reviewer = await insertAgent(gateway.db);
      const reviewed = await requestApproval(agent, { assignees: [{ agent: reviewer.name }] });
      expect((await resolve(await clientOf('agent', reviewer.id), reviewed)).status).toBe(200);
      expect((await resolve(member, await requestApproval(agent, { assignees: [{ role: 'member' }] }))).status).toBe(
        200,
      );
    });

    it('happens once', async () => {
      const asked = await requestApproval(agent);
      bodyOf(await resolve(admin, asked, { decision: 'reject' }), 200);
      expect(codeOf(await resolve(gateway.owner, asked))).toEqual([409, 'already_decided']);
      expect(codeOf(await admin.post(`/api/approvals/${asked.id}/delegate`, { to: { role: 'owner' } }))).toEqual([
        409,
        'already_decided',
      ]);
      expect(codeOf(await agent.post(`/api/approvals/${asked.id}/cancel`))).toEqual([409, 'already_decided']);
      expect(await read(asked)).toMatchObject({ status: 'rejected' });
    });

    it('of many alike happens for each on its own', async () => {
      const [open, decided, own] = [
        await requestApproval(agent),
        await requestApproval(agent),
        await requestApproval(admin),
      ];
      bodyOf(await resolve(gateway.owner, decided), 200);
      const missing = '0199aaaa-0000-7000-8000-000000000001';
      const ids = [decided.id, missing, own.id, open.id];
      const answer = await admin.post('/api/approvals/bulk-resolve', { ids, decision: 'reject', comment: 'No' });
      expect(bodyOf(answer, 200)).toMatchObject({
        ...{ resolved: 1, failed: 3 },
        items: [
          { id: decided.id, outcome: 'failed', code: 'already_decided' },
          { id: missing, outcome: 'failed', code: 'not_found' },
          { id: own.id, outcome: 'failed', code: 'own_request' },
          { id: open.id, outcome: 'resolved', status: 'rejected' },
        ],
      });
      expect(await read(open)).toMatchObject({ status: 'rejected', comment: 'No' });
      const silent = { ids: [(await requestApproval(agent)).id], decision: 'respond' };
      expect(bodyOf(await admin.post('/api/approvals/bulk-resolve', silent), 200)).toMatchObject({
        ...{ resolved: 0, items: [{ code: 'invalid_values' }] },
      });
    });
  });

  describe('handing on and taking back', () => {
    it('lets the other decide, and tells them', async () => {
      const ada = await memberClient('member');
      const asked = await requestApproval(agent);
      const to = { member: ada.id };
      expect(bodyOf(await admin.post(`/api/approvals/${asked.id}/delegate`, { to }), 200)).toMatchObject({
        ...{ status: 'pending', assignees: [to] },
      });
      expect((await toldOf(asked)).at(-1)).toMatchObject({ type: 'approval.delegated', data: { recipients: [to] } });
      expect(codeOf(await resolve(admin, asked))).toEqual([403, 'forbidden']);
      expect((await resolve(ada.client, asked)).status).toBe(200);
    });

    it('is refused to whoever may not decide, and towards the requester or somebody who may not', async () => {
      const delegate = (client: ApiClient, { id }: ApprovalJson, to: object) =>
        client.post(`/api/approvals/${id}/delegate`, { to });
      const asked = await requestApproval(agent);
      expect(codeOf(await delegate(member, asked, { role: 'member' }))).toEqual([403, 'forbidden']);
      expect(codeOf(await delegate(admin, asked, { agent: agentId }))).toEqual([422, 'invalid_values']);
      const blocked = await requestApproval(agent, { risk: 'high' });
      const ada = await memberClient('admin');
      for (const to of [{ role: 'admin' }, { member: ada.id }, { agent: (await insertAgent(gateway.db)).id }]) {
        expect(codeOf(await delegate(gateway.owner, blocked, to))).toEqual([422, 'invalid_values']);
      }
      expect(await read(blocked)).toMatchObject({ assignees: [{ role: 'owner' }] });
    });

    it('is taken back by whoever asked, or an admin, and nobody else', async () => {
      const cancel = (client: ApiClient, { id }: ApprovalJson) =>
        client.post(`/api/approvals/${id}/cancel`, { reason: 'No more' });
      const [mine, other] = [await requestApproval(agent), await requestApproval(agent)];
      expect(codeOf(await cancel(member, mine))).toEqual([403, 'forbidden']);
      expect(bodyOf(await cancel(agent, mine), 200)).toMatchObject({ status: 'cancelled', comment: 'No more' });
      expect(bodyOf(await cancel(admin, other), 200)).toMatchObject({ status: 'cancelled' });
      const last = async (one: ApprovalJson) => (await toldOf(one)).at(-1);
      expect(await last(mine)).toMatchObject({ type: 'approval.cancelled' });
      expect((await last(mine))?.data['recipients']).toBeUndefined();
      expect((await last(other))?.data).toMatchObject({ recipients: [{ agent: agentId }] });
    });
  });

  it('thaws the freezing that was asked about, and none that came after it', async () => {
    const id = await insertBudget(gateway.db, { agentId });
    const freeze = (reason: string) => gateway.owner.post(`/api/budgets/${id}/freeze`, { reason });
    const status = async () => bodyOf<{ status: string }>(await admin.get(`/api/budgets/${id}`), 200).status;
    const ask = () => agent.post(`/api/budgets/${id}/request-unfreeze`, { reason: 'It is mended' });
    bodyOf(await freeze('Loop'), 200);
    const asked = bodyOf<ApprovalJson>(await ask(), 201);
    bodyOf(await admin.post(`/api/budgets/${id}/unfreeze`), 200);
    bodyOf(await freeze('Fraud'), 200);
    expect(codeOf(await resolve(admin, asked))).toEqual([409, 'conflict']);
    expect(await status()).toBe('frozen');
    expect((await resolve(admin, asked, { decision: 'reject' })).status).toBe(200);
    expect((await resolve(admin, bodyOf<ApprovalJson>(await ask(), 201))).status).toBe(200);
    expect(await status()).toBe('open');
  });
});
