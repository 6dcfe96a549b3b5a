import { ROLES } from '@houston/common/auth/roles.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { CreatedKeyView, KeyView } from './key.view.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';

describe('keys over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  type Listed = { items: KeyView[]; nextCursor: string | null };
  const create = async (body: Record<string, unknown>, client: ApiClient = gateway.owner) =>
    bodyOf<CreatedKeyView>(await client.post('/api/keys', body), 201);
  const meOf = (key: string) => gateway.as(key).get('/api/me');
  const idOf = async (key: string) => bodyOf<{ key: { id: string } }>(await meOf(key), 200).key.id;

  it.each(ROLES)('for the role %s work at once, are shown once, and say who they are', async (role) => {
    const made = await create({ name: `a ${role}`, role });
    expect(made.key).toMatch(/^hou_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/);
    expect(made.key.startsWith(made.prefix)).toBe(true);
    expect(made).toMatchObject({ role, workspace: null, agent: null, expiresAt: null, revokedAt: null });
    const me = bodyOf<{ key: unknown }>(await meOf(made.key), 200);
    expect(me.key).toEqual({ id: made.id, name: `a ${role}`, prefix: made.prefix, role });
    const listed = await gateway.owner.get('/api/keys?limit=200');
    expect(listed.text).toContain(made.id);
    expect(listed.text).not.toContain(made.key);
  });

  it('bound to workspace, agent and time say so, and act within', async () => {
    const there = await gateway.workspace('keys-there', 'Asia/Tokyo');
    bodyOf(await gateway.owner.post('/api/agents', { name: 'bound-agent' }), 201);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const made = await create({ name: 'n', role: 'agent', workspace: 'keys-there', agent: 'bound-agent', expiresAt });
    expect(made).toMatchObject({ workspace: 'keys-there', workspaceId: there.id, agent: 'bound-agent', expiresAt });
    expect(bodyOf(await meOf(made.key), 200)).toEqual({
      key: { id: made.id, name: 'n', prefix: made.prefix, role: 'agent', expiresAt },
      organization: { id: gateway.db.organizationId, name: expect.any(String) },
      workspace: { id: there.id, slug: 'keys-there', name: 'keys-there', timezone: 'Asia/Tokyo' },
      agent: { id: made.agentId, name: 'bound-agent' },
    });
    expect((await gateway.as(made.key, 'default').get('/api/me')).status).toBe(404);
    const run = { agent: 'somebody-else', model: 'gpt-4o', estimate: { costUsd: '0' } };
    expect((await gateway.as(made.key).post('/api/executions', run)).status).toBe(403);
  });

  it('end at once when they are revoked, and when their time is up', async () => {
    const made = await create({ name: 'short', role: 'viewer' });
    expect((await meOf(made.key)).status).toBe(200);
    expect((await gateway.owner.delete(`/api/keys/${made.id}`)).status).toBe(204);
    expect((await meOf(made.key)).status).toBe(401);
    expect((await gateway.owner.delete(`/api/keys/${made.id}`)).status).toBe(204);
    const active = bodyOf<Listed>(await gateway.owner.get('/api/keys?limit=200'), 200).items;
    expect(active.map((key) => key.id)).not.toContain(made.id);
    const all = bodyOf<Listed>(await gateway.owner.get('/api/keys?limit=200&includeRevoked=true'), 200).items;
    expect(all.find((key) => key.id === made.id)?.revokedAt).toEqual(expect.any(String));
    const expired = await gateway.key({ role: 'viewer', expiresAt: new Date(Date.now() - 1) });
    expect((await meOf(expired)).status).toBe(401);
    const events = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ type: string; data: object }>('select type, data from events where subject = $1 order by seq', [
        `key:${made.id}`,
      ]),
    );
    expect(events.map((event) => event.type)).toEqual(['key.created', 'key.revoked']);
    expect(JSON.stringify(events)).not.toContain(made.key);
  });

  it('hand out no more than their maker has', async () => {
    const admin = gateway.as(await gateway.key({ role: 'admin' }));
    expect((await admin.post('/api/keys', { name: 'x', role: 'owner' })).status).toBe(403);
    expect((await create({ name: 'x', role: 'admin' }, admin)).role).toBe('admin');
    const owner = await create({ name: 'second', role: 'owner' });
    expect((await admin.delete(`/api/keys/${owner.id}`)).status).toBe(403);
    expect((await meOf(owner.key)).status).toBe(200);
    bodyOf(await gateway.owner.delete(`/api/keys/${owner.id}`), 204);
  });

  it('of a workspace deal in keys of that workspace only', async () => {
    const here = await gateway.workspace('keys-here');
    const admin = gateway.as(await gateway.key({ role: 'admin', workspaceId: here.id }));
    expect((await create({ name: 'x', role: 'member' }, admin)).workspaceId).toBe(here.id);
    expect((await create({ name: 'y', role: 'member', workspace: here.id }, admin)).workspace).toBe('keys-here');
    const same = { 'x-request-id': 'same' };
    const foreign = await admin.post('/api/keys', { name: 'x', role: 'member', workspace: 'default' }, same);
    const missing = await admin.post('/api/keys', { name: 'x', role: 'member', workspace: 'missing' }, same);
    expect([foreign.status, foreign.text]).toEqual([422, missing.text]);
    const { items } = bodyOf<Listed>(await admin.get('/api/keys?includeRevoked=true'), 200);
    expect(items).toHaveLength(3);
    expect(items.every((key) => key.workspaceId === here.id)).toBe(true);
    for (const key of [
      gateway.db.ownerKey,
      await gateway.key({ role: 'member', workspaceId: gateway.db.workspaceId }),
    ]) {
      const id = await idOf(key);
      const [hidden, absent] = [
        await admin.delete(`/api/keys/${id}`, same),
        await admin.delete(`/api/keys/${SOME_ID}`, same),
      ];
      expect(hidden.status).toBe(404);
      expect(hidden.text.replaceAll(id, SOME_ID)).toBe(absent.text);
    }
  });

  it('of the last owner cannot be revoked, not even by two owners revoking each other', async () => {
    const house = await startGateway();
    const first = house.db.ownerKey;
    const own = bodyOf<{ key: { id: string } }>(await house.owner.get('/api/me'), 200).key.id;
    await create({ name: 'bound', role: 'owner', workspace: 'default' }, house.owner);
    await house.key({ role: 'owner', expiresAt: new Date(Date.now() - 1) });
    expect(bodyOf(await house.owner.delete(`/api/keys/${own}`), 409)).toMatchObject({ code: 'last_owner' });
    const second = await create({ name: 'other', role: 'owner' }, house.owner);
    const answers = await Promise.all([
      house.owner.delete(`/api/keys/${second.id}`),
      house.as(second.key).delete(`/api/keys/${own}`),
    ]);
    expect(answers.map((answer) => answer.status).filter((status) => status === 204)).toHaveLength(1);
    const left = await Promise.all([first, second.key].map((key) => house.as(key).get('/api/me')));
    expect(left.map((answer) => answer.status).sort()).toEqual([200, 401]);
    await house.close();
  });

  it.each([
    ['no name', { role: 'viewer' }, 'name'],
    ['no role', { name: 'x' }, 'role'],
    ['an unknown role', { name: 'x', role: 'root' }, 'role'],
    ['a null workspace', { name: 'x', role: 'viewer', workspace: null }, 'workspace'],
    ['an expiry in the past', { name: 'x', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['an expiry without a zone', { name: 'x', role: 'viewer', expiresAt: '2099-01-01T00:00:00' }, 'expiresAt'],
    ['an expiry on 30 February', { name: 'x', role: 'viewer', expiresAt: '2099-02-30T00:00:00Z' }, 'expiresAt'],
    ['an expiry as a number', { name: 'x', role: 'viewer', expiresAt: 4_102_444_800 }, 'expiresAt'],
    ['an unknown agent', { name: 'x', role: 'agent', agent: 'nobody' }, 'agent'],
    ['a key of their own', { name: 'x', role: 'viewer', key: 'hou_' }, 'key'],
    ['a name with NUL', { name: '\u0000', role: 'viewer' }, 'name'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.post('/api/keys', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('are listed page by page in order of creation', async () => {
    const ids = bodyOf<Listed>(await gateway.owner.get('/api/keys?limit=200'), 200).items.map((key) => key.id);
    const paged: string[] = [];
    let cursor = '';
    do {
      const page = bodyOf<Listed>(await gateway.owner.get(`/api/keys?limit=3${cursor}`), 200);
      paged.push(...page.items.map((key) => key.id));
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    expect(paged).toEqual(ids);
    bodyOf(await gateway.owner.get('/api/keys?includeRevoked=maybe'), 422);
  });
});
