import { requestApproval } from '../../../../test/factories/approval.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

type Name =
  | 'owner'
  | 'otherOwner'
  | 'admin'
  | 'adminsAdmin'
  | 'adminsAdminsAdmin'
  | 'adminsMember'
  | 'adminsAgent'
  | 'adminsAgentRole'
  | 'otherAdmin'
  | 'ownersMember'
  | 'ownersAgent'
  | 'ada'
  | 'adasAdmin'
  | 'adasOtherKey'
  | 'bob';

describe('nobody decides their own request, whatever keys they make', () => {
  let gateway: TestGateway;
  let clients: Record<Name, ApiClient>;

  beforeAll(async () => {
    gateway = await startGateway();
    const make = async (by: ApiClient, fields: Record<string, unknown>) => {
      const answer = await by.post('/api/keys', { name: 'k', ...fields });
      return gateway.as(bodyOf<{ key: string }>(answer, 201).key);
    };
    const member = async (email: string) =>
      bodyOf<{ id: string }>(await gateway.owner.post('/api/members', { email, name: email, role: 'admin' }), 201).id;
    const [adaId, bobId] = [await member('ada@example.com'), await member('bob@example.com')];
    const [agentOfAdmin, agentOfOwner] = [(await insertAgent(gateway.db)).id, (await insertAgent(gateway.db)).id];
    const { owner } = gateway;
    const admin = await make(owner, { role: 'admin' });
    const adminsAdmin = await make(admin, { role: 'admin' });
    const ada = await make(owner, { role: 'admin', member: adaId });
    clients = {
      ...{ owner, admin, adminsAdmin, ada },
      otherOwner: await make(owner, { role: 'owner' }),
      adminsAdminsAdmin: await make(adminsAdmin, { role: 'admin' }),
      adminsMember: await make(admin, { role: 'member' }),
      adminsAgent: await make(admin, { role: 'agent', agent: agentOfAdmin }),
      adminsAgentRole: await make(admin, { role: 'agent' }),
      otherAdmin: await make(owner, { role: 'admin' }),
      ownersMember: await make(owner, { role: 'member' }),
      ownersAgent: await make(owner, { role: 'agent', agent: agentOfOwner }),
      adasAdmin: await make(ada, { role: 'admin' }),
      adasOtherKey: await make(owner, { role: 'admin', member: adaId }),
      bob: await make(ada, { role: 'admin', member: bobId }),
    };
  });
  afterAll(() => gateway.close());

  const ask = (name: Name) => requestApproval(clients[name], { assignees: [{ role: 'member' }] });
  const decide = async (name: Name, id: string) => {
    const { status, body } = await clients[name].post(`/api/approvals/${id}/resolve`, { decision: 'approve' });
    return status === 200 ? 'decides' : (body as { code: string }).code;
  };

  it.each<[Name, Name]>([
    ['owner', 'owner'],
    ['admin', 'admin'],
    ['admin', 'adminsAdmin'],
    ['admin', 'adminsAdminsAdmin'],
    ['admin', 'adminsMember'],
    ['adminsAdmin', 'admin'],
    ['adminsMember', 'admin'],
    ['adminsMember', 'adminsAdmin'],
    ['adminsAdminsAdmin', 'adminsMember'],
    ['ada', 'adasAdmin'],
    ['adasAdmin', 'ada'],
    ['adasAdmin', 'adasOtherKey'],
    ['ada', 'adasOtherKey'],
  ])('what %s asks is not for %s to decide', async (asker, decider) => {
    const { id } = await ask(asker);
    expect(await decide(decider, id)).toBe('own_request');
    const handing = await clients[decider].post(`/api/approvals/${id}/delegate`, { to: { role: 'owner' } });
    expect((handing.body as { code: string }).code).toBe('own_request');
    expect(bodyOf(await gateway.owner.get(`/api/approvals/${id}`), 200)).toMatchObject({ status: 'pending' });
  });

  it.each<[Name, Name]>([
    ['owner', 'admin'],
    ['owner', 'otherOwner'],
    ['otherOwner', 'owner'],
    ['admin', 'owner'],
    ['adminsAdmin', 'owner'],
    ['admin', 'otherAdmin'],
    ['adminsAdmin', 'otherAdmin'],
    ['otherAdmin', 'adminsMember'],
    ['ownersMember', 'owner'],
    ['ownersMember', 'admin'],
    ['ownersAgent', 'owner'],
    ['ownersAgent', 'admin'],
    ['adminsAgent', 'admin'],
    ['adminsAgent', 'adminsAdmin'],
    ['adminsAgentRole', 'admin'],
    ['ada', 'bob'],
    ['bob', 'ada'],
    ['adasAdmin', 'bob'],
    ['ada', 'admin'],
    ['admin', 'ada'],
  ])('what %s asks is for %s to decide', async (asker, decider) => {
    expect(await decide(decider, (await ask(asker)).id)).toBe('decides');
  });

  it('is so after the key that made the other is gone', async () => {
    const { id: adminId, key } = bodyOf<{ id: string; key: string }>(
      await gateway.owner.post('/api/keys', { name: 'k', role: 'admin' }),
      201,
    );
    const [first, second] = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const made = await gateway.as(key).post('/api/keys', { name, role: 'admin' });
        return gateway.as(bodyOf<{ key: string }>(made, 201).key);
      }),
    );
    bodyOf(await gateway.owner.delete(`/api/keys/${adminId}`), 204);
    const { id } = await requestApproval(first!);
    const answer = await second!.post(`/api/approvals/${id}/resolve`, { decision: 'approve' });
    expect(answer.body).toMatchObject({ code: 'own_request' });
  });
});
