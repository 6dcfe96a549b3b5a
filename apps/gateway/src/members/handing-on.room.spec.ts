import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { MemberView } from './member.view.js';

interface Approval {
  id: string;
  status: string;
  assignees: object[];
}

describe('what waits for a member who can decide it no longer', () => {
  let gateway: TestGateway;
  let house: ApiClient;

  beforeAll(async () => {
    gateway = await startGateway();
    await gateway.workspace('house');
    house = gateway.as(gateway.db.ownerKey, 'house');
  });
  afterAll(() => gateway.close());

  const invite = async (name: string, role = 'member') =>
    bodyOf<MemberView>(await house.post('/api/members', { email: `${name}@example.com`, name, role }), 201).id;
  const ask = async (assignees: object[], risk = 'medium') => {
    const body = { subject: { action: 'deploy' }, description: 'Now?', context: {}, payload: {}, risk, assignees };
    return bodyOf<Approval>(await house.post('/api/approvals', body), 201).id;
  };
  const asked = async (id: string) => bodyOf<Approval>(await house.get(`/api/approvals/${id}`), 200).assignees;
  const delegations = (id: string) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ data: object }>("select data from events where subject = $1 and type = 'approval.delegated'", [
        `approval:${id}`,
      ]),
    );

  it('goes to owners and admins when the member is removed, and they are told', async () => {
    const ada = await invite('ada');
    const id = await ask([{ member: ada }]);
    bodyOf(await house.delete(`/api/members/${ada}`), 204);
    const houses = [{ role: 'owner' }, { role: 'admin' }];
    expect(await asked(id)).toEqual(houses);
    expect(await delegations(id)).toMatchObject([
      { data: { from: [{ member: ada }], assignees: houses, recipients: houses } },
    ]);
    const admin = gateway.as(await gateway.key({ role: 'admin' }), 'house');
    bodyOf(await admin.post(`/api/approvals/${id}/resolve`, { decision: 'approve' }), 200);
  });

  it('stays with the others who are asked', async () => {
    const [bob, eve] = [await invite('bob'), await invite('eve')];
    const id = await ask([{ member: bob }, { member: eve }]);
    bodyOf(await house.delete(`/api/members/${bob}`), 204);
    expect(await asked(id)).toEqual([{ member: eve }]);
  });

  it('is handed on by a change of role only where the new role may not decide it', async () => {
    await invite('ceo', 'owner');
    const [kim, pat] = [await invite('kim', 'owner'), await invite('pat', 'admin')];
    const [blocked, pending] = [await ask([{ member: kim }], 'high'), await ask([{ member: kim }])];
    const pats = await ask([{ member: pat }]);
    bodyOf(await house.patch(`/api/members/${kim}`, { role: 'admin' }), 200);
    bodyOf(await house.patch(`/api/members/${pat}`, { role: 'member' }), 200);
    expect(await asked(blocked)).toEqual([{ role: 'owner' }]);
    expect(await asked(pending)).toEqual([{ member: kim }]);
    expect(await asked(pats)).toEqual([{ member: pat }]);
    bodyOf(await house.patch(`/api/members/${pat}`, { role: 'viewer' }), 200);
    expect(await asked(pats)).toEqual([{ role: 'owner' }, { role: 'admin' }]);
  });

  it('is left as it was when it is decided already', async () => {
    const sam = await invite('sam');
    const id = await ask([{ member: sam }]);
    bodyOf(await house.post(`/api/approvals/${id}/cancel`), 200);
    bodyOf(await house.delete(`/api/members/${sam}`), 204);
    expect(await asked(id)).toEqual([{ member: sam }]);
    expect(await delegations(id)).toEqual([]);
  });
});
