import supertest from 'supertest';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { CreatedKeyView } from '../keys/key.view.js';
import type { InvitationView } from './invitation.dto.js';
import { newInvitationToken } from './invitation-token.js';
import type { MemberView } from './member.view.js';

describe('invitations over HTTP', () => {
  let gateway: TestGateway;
  let client: ApiClient;
  let workspaceId: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    const { id, slug } = await gateway.workspace(`inviting-${(number += 1)}`);
    workspaceId = id;
    client = gateway.as(gateway.db.ownerKey, slug);
  });

  const invited = async (role = 'member') =>
    bodyOf<MemberView>(
      await client.post('/api/members', { email: `a${(number += 1)}@example.com`, name: 'Ada', role }),
      201,
    );
  const invite = async (memberId: string) =>
    bodyOf<InvitationView>(await client.post(`/api/members/${memberId}/invitation`), 201);
  const accept = (body: Record<string, unknown>) => supertest(gateway.url).post('/api/invitations/accept').send(body);
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));

  it('give the invited a key that nobody else has seen, once', async () => {
    const ada = await invited('admin');
    const { token, expiresAt, memberId } = await invite(ada.id);
    expect(memberId).toBe(ada.id);
    const days = (Date.parse(expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    const key = bodyOf<CreatedKeyView>(await accept({ token, keyName: 'laptop' }), 201);
    expect(key).toMatchObject({ name: 'laptop', role: 'admin', memberId: ada.id, workspaceId });
    expect(key.createdBy).toBe(`member:${ada.id}`);
    const me = bodyOf(await gateway.as(key.key).get('/api/me'), 200);
    expect(me).toMatchObject({ key: { role: 'admin' }, member: { id: ada.id, name: 'Ada' } });
    expect(bodyOf(await client.get(`/api/members/${ada.id}`), 200)).toMatchObject({ status: 'active' });
    expect(bodyOf(await accept({ token }), 401)).toMatchObject({ code: 'unauthenticated' });
    expect((await client.post(`/api/members/${ada.id}/invitation`)).status).toBe(409);
    const ledger = JSON.stringify(await query('select type, data from events'));
    expect(ledger).not.toContain(token);
    expect(ledger).not.toContain(key.key);
    expect(ledger).toContain('member.joined');
  });

  it('are accepted by one of many who try at once', async () => {
    const { token, memberId } = await invite((await invited()).id);
    const answers = await Promise.all(Array.from({ length: 8 }, () => accept({ token })));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array(7).fill(401)]);
    expect(await query('select 1 from api_keys where member_id = $1', [memberId])).toHaveLength(1);
  });

  it('no longer hold when there is a newer one, when their time is up, or when the member is gone', async () => {
    const ada = await invited();
    const first = await invite(ada.id);
    const second = await invite(ada.id);
    expect((await accept({ token: first.token })).status).toBe(401);
    await query("update members set invitation_expires_at = now() - interval '1 second' where id = $1", [ada.id]);
    expect((await accept({ token: second.token })).status).toBe(401);
    const third = await invite(ada.id);
    bodyOf(await client.delete(`/api/members/${ada.id}`), 204);
    expect((await accept({ token: third.token })).status).toBe(401);
    expect(await query('select 1 from api_keys where member_id = $1', [ada.id])).toEqual([]);
  });

  it('cannot be guessed: a wrong one is refused like a wrong key, and counted', async () => {
    const counting = await startGateway({ db: gateway.db });
    const accept = (body: object) => supertest(counting.url).post('/api/invitations/accept').send(body);
    const ada = await invited('owner');
    await invite(ada.id);
    const { organizationId } = gateway.db;
    const forged = () => newInvitationToken({ organizationId, workspaceId, memberId: ada.id });
    const wrong = [
      'nonsense',
      forged(),
      newInvitationToken({ organizationId: ada.id, workspaceId: ada.id, memberId: ada.id }),
    ];
    for (const token of wrong) expect((await accept({ token })).status).toBe(401);
    const statuses: number[] = [];
    for (let n = 0; n < 19; n += 1) statuses.push((await accept({ token: forged() })).status);
    expect(statuses).toEqual([...Array(17).fill(401), 429, 429]);
    const { token } = await invite(ada.id);
    expect((await accept({ token })).status).toBe(201);
    await counting.close();
  });

  it('to become an owner are made by owners only, and for members of the workspace only', async () => {
    const ada = await invited('owner');
    const admin = gateway.as(await gateway.key({ role: 'admin', workspaceId }));
    expect((await admin.post(`/api/members/${ada.id}/invitation`)).status).toBe(403);
    expect((await gateway.owner.post(`/api/members/${ada.id}/invitation`)).status).toBe(404);
  });

  it('are given again, sealed, under the same Idempotency-Key', async () => {
    const ada = await invited();
    const ask = () => client.post(`/api/members/${ada.id}/invitation`, {}, { 'idempotency-key': 'k' });
    const [one, two] = [bodyOf<InvitationView>(await ask(), 201), bodyOf<InvitationView>(await ask(), 201)];
    expect(two).toEqual(one);
    const kept = JSON.stringify(await query('select * from idempotency_keys'));
    expect(kept).not.toContain(one.token);
    expect((await accept({ token: one.token })).status).toBe(201);
  });

  it.each([
    ['no token', {}, 'token'],
    ['a null token', { token: null }, 'token'],
    ['an empty name', { token: 'x', keyName: '' }, 'keyName'],
    ['what it does not know', { token: 'x', role: 'owner' }, 'role'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await accept(body), 422);
    expect(problem.errors.map((fault) => fault.path)).toEqual([path]);
  });
});
