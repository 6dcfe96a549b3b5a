import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { CreatedKeyView, KeyView } from '../keys/key.view.js';
import type { MemberView } from './member.view.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';

describe('members over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  type Listed = { items: MemberView[]; nextCursor: string | null };
  type Me = { key: { role: string }; member?: { id: string; name: string; email: string; role: string } };

  let count = 0;
  /** In a workspace of their own, so that each test counts its own owners. */
  async function house(): Promise<{ slug: string; id: string; client: ApiClient }> {
    const { id, slug } = await gateway.workspace(`house-${++count}`);
    return { id, slug, client: gateway.as(gateway.db.ownerKey, slug) };
  }
  const invite = async (client: ApiClient, body: Record<string, unknown>) =>
    bodyOf<MemberView>(
      await client.post('/api/members', { email: `m${++count}@example.com`, name: 'Ada', role: 'member', ...body }),
      201,
    );
  const keyFor = async (client: ApiClient, member: string, role = 'owner', more: Record<string, unknown> = {}) =>
    bodyOf<CreatedKeyView>(await client.post('/api/keys', { name: 'laptop', role, member, ...more }), 201);
  const eventsOf = (id: string) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ type: string; data: object }>('select type, data from events where subject = $1 order by seq', [
        `member:${id}`,
      ]),
    );

  it('are invited, and active from their first key on; the ledger never learns their address', async () => {
    const { client } = await house();
    const ada = await invite(client, { email: 'Ada@Example.com' });
    expect(ada).toMatchObject({ email: 'Ada@Example.com', name: 'Ada', role: 'member', status: 'invited' });
    await keyFor(client, ada.id);
    await keyFor(client, ada.id);
    expect(bodyOf(await client.get(`/api/members/${ada.id}`), 200)).toMatchObject({ status: 'active' });
    const events = await eventsOf(ada.id);
    expect(events.map((event) => event.type)).toEqual(['member.invited', 'member.joined']);
    expect(JSON.stringify(events)).not.toMatch(/example\.com/i);
  });

  it('have keys that are bound to their workspace and say whose they are', async () => {
    const { client, slug, id } = await house();
    const ada = await invite(client, { name: 'Ada L', role: 'admin', email: 'ada.l@example.com' });
    const key = await keyFor(client, ada.id, 'admin');
    expect(key).toMatchObject({ member: 'Ada L', memberId: ada.id, workspace: slug, workspaceId: id, agent: null });
    const me = bodyOf<Me>(await gateway.as(key.key).get('/api/me'), 200);
    expect(me.member).toEqual({ id: ada.id, name: 'Ada L', email: 'ada.l@example.com', role: 'admin' });
    expect((await gateway.as(key.key, 'default').get('/api/me')).status).toBe(404);
    expect(bodyOf<Me>(await gateway.owner.get('/api/me'), 200).member).toBeUndefined();
  });

  it('do what both the key and their present role allow, from the very next request on', async () => {
    const { client } = await house();
    const ada = await invite(client, { role: 'admin' });
    const [strong, weak] = [await keyFor(client, ada.id, 'owner'), await keyFor(client, ada.id, 'viewer')];
    const roleOf = async (key: string) => bodyOf<Me>(await gateway.as(key).get('/api/me'), 200).key.role;
    expect([await roleOf(strong.key), await roleOf(weak.key)]).toEqual(['admin', 'viewer']);
    bodyOf(await client.patch(`/api/members/${ada.id}`, { role: 'member' }), 200);
    expect([await roleOf(strong.key), await roleOf(weak.key)]).toEqual(['member', 'viewer']);
    expect((await gateway.as(strong.key).get('/api/keys')).status).toBe(403);
  });

  it('lose every key when they are removed, and their address is free and forgotten', async () => {
    const { client } = await house();
    const ada = await invite(client, { email: 'gone@example.com' });
    const other = await invite(client, {});
    const [one, two] = [await keyFor(client, ada.id), await keyFor(client, ada.id)];
    const kept = await keyFor(client, other.id);
    expect((await client.delete(`/api/members/${ada.id}`)).status).toBe(204);
    for (const { key } of [one, two]) expect((await gateway.as(key).get('/api/me')).status).toBe(401);
    expect((await gateway.as(kept.key).get('/api/me')).status).toBe(200);
    expect((await client.get(`/api/members/${ada.id}`)).status).toBe(404);
    expect((await client.delete(`/api/members/${ada.id}`)).status).toBe(404);
    expect((await client.post('/api/keys', { name: 'x', role: 'member', member: ada.id })).status).toBe(422);
    const { items } = bodyOf<Listed>(await client.get('/api/members'), 200);
    expect(items.map((member) => member.id)).toEqual([other.id]);
    const rows = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query('select name, email, status from members where id = $1', [ada.id]),
    );
    expect(rows).toEqual([{ name: 'Ada', email: null, status: 'removed' }]);
    const keys = bodyOf<{ items: KeyView[] }>(await client.get('/api/keys?includeRevoked=true&limit=200'), 200).items;
    expect(keys.find((key) => key.id === one.id)).toMatchObject({ member: 'Ada', revokedAt: expect.any(String) });
    expect((await invite(client, { email: 'gone@example.com' })).id).not.toBe(ada.id);
  });

  it('keep no key that was made while they were being removed', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { client } = await house();
      const ada = await invite(client, {});
      const make = () => client.post('/api/keys', { name: 'late', role: 'member', member: ada.id });
      const [removed, ...made] = await Promise.all([client.delete(`/api/members/${ada.id}`), make(), make(), make()]);
      expect(removed.status).toBe(204);
      const keys = made.filter((answer) => answer.status === 201).map((answer) => (answer.body as CreatedKeyView).key);
      for (const key of keys) expect((await gateway.as(key).get('/api/me')).status).toBe(401);
      expect(made.filter((answer) => ![201, 422].includes(answer.status)).map((answer) => answer.text)).toEqual([]);
    }
  });

  it('have an address once in a workspace, whatever its capitals, and may have it in another', async () => {
    const [here, there] = [await house(), await house()];
    const ada = await invite(here.client, { email: 'once@example.com' });
    const again = { email: 'ONCE@example.com', name: 'Other', role: 'viewer' };
    const refused = bodyOf(await here.client.post('/api/members', again), 409);
    expect(refused).toMatchObject({ code: 'already_exists', existingId: ada.id });
    const bob = await invite(here.client, {});
    expect((await here.client.patch(`/api/members/${bob.id}`, { email: 'Once@Example.com' })).status).toBe(409);
    expect((await here.client.patch(`/api/members/${ada.id}`, { email: 'Once@Example.com' })).status).toBe(200);
    expect((await invite(there.client, { email: 'once@example.com', role: 'owner' })).role).toBe('owner');
    const both = await Promise.all(
      [1, 2].map(() => here.client.post('/api/members', { email: 'race@example.com', name: 'R', role: 'viewer' })),
    );
    expect(both.map((answer) => answer.status).sort()).toEqual([201, 409]);
    const [first, second] = [await invite(here.client, {}), await invite(here.client, {})];
    const renamed = await Promise.all(
      [first, second].map(({ id }) => here.client.patch(`/api/members/${id}`, { email: 'same@example.com' })),
    );
    expect(renamed.map((answer) => answer.status).sort()).toEqual([200, 409]);
  });

  describe('when one is the last owner', () => {
    it('cannot be removed or made less, until there is another', async () => {
      const { client } = await house();
      const ada = await invite(client, { role: 'owner' });
      await invite(client, { role: 'admin' });
      expect(bodyOf(await client.delete(`/api/members/${ada.id}`), 409)).toMatchObject({ code: 'last_owner' });
      const demoted = bodyOf(await client.patch(`/api/members/${ada.id}`, { role: 'admin' }), 409);
      expect(demoted).toMatchObject({ code: 'last_owner' });
      bodyOf(await client.patch(`/api/members/${ada.id}`, { name: 'Ada still', role: 'owner' }), 200);
      const bob = await invite(client, { role: 'owner' });
      expect((await client.delete(`/api/members/${ada.id}`)).status).toBe(204);
      expect((await client.delete(`/api/members/${bob.id}`)).status).toBe(409);
    });

    it('stays, also when two owners remove or demote each other at once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { client } = await house();
        const [one, two] = [await invite(client, { role: 'owner' }), await invite(client, { role: 'owner' })];
        const answers = await Promise.all([
          client.delete(`/api/members/${one.id}`),
          round % 2 === 0
            ? client.delete(`/api/members/${two.id}`)
            : client.patch(`/api/members/${two.id}`, { role: 'viewer' }),
        ]);
        expect(answers.filter((answer) => answer.status === 409)).toHaveLength(1);
        const { items } = bodyOf<Listed>(await client.get('/api/members?role=owner'), 200);
        expect(items).toHaveLength(1);
      }
    });
  });

  it('are not in the hands of those who may do less', async () => {
    const { client, id } = await house();
    const admin = gateway.as(await gateway.key({ role: 'admin', workspaceId: id }));
    const [owner, member] = [await invite(client, { role: 'owner' }), await invite(client, {})];
    await invite(client, { role: 'owner' });
    const asks = [
      admin.post('/api/members', { email: 'o@example.com', name: 'O', role: 'owner' }),
      admin.patch(`/api/members/${owner.id}`, { name: 'Mallory' }),
      admin.patch(`/api/members/${member.id}`, { role: 'owner' }),
      admin.delete(`/api/members/${owner.id}`),
      admin.post('/api/keys', { name: 'as the owner', role: 'admin', member: owner.id }),
    ];
    expect((await Promise.all(asks)).map((answer) => answer.status)).toEqual([403, 403, 403, 403, 403]);
    expect((await admin.post('/api/keys', { name: 'x', role: 'member', member: member.id })).status).toBe(201);
  });

  it('of another workspace are unknown: the bytes of a missing one', async () => {
    const [here, there] = [await house(), await house()];
    const bound = gateway.as(await gateway.key({ role: 'owner', workspaceId: here.id }));
    const foreign = await invite(there.client, {});
    const same = { 'x-request-id': 'same' };
    const ask = (member: string) => bound.post('/api/keys', { name: 'x', role: 'member', member }, same);
    const [hidden, absent] = [await ask(foreign.id), await ask(SOME_ID)];
    expect([hidden.status, hidden.text]).toEqual([422, absent.text]);
    const wide = { name: 'x', role: 'member', member: foreign.id, workspace: here.slug };
    expect(bodyOf(await gateway.owner.post('/api/keys', wide), 422)).toMatchObject({ errors: [{ path: 'workspace' }] });
  });

  it('let one of two editors win, are listed page by page, and are created once per Idempotency-Key', async () => {
    const { client } = await house();
    const ada = await invite(client, {});
    const edits = await Promise.all(
      ['A', 'B'].map((name) => client.patch(`/api/members/${ada.id}`, { name }, { 'if-match': '"1"' })),
    );
    expect(edits.map((edit) => edit.status).sort()).toEqual([200, 412]);
    const body = { email: 'key@example.com', name: 'K', role: 'viewer' };
    const posts = [await client.post('/api/members', body, { 'idempotency-key': 'k' })];
    posts.push(await client.post('/api/members', body, { 'idempotency-key': 'k' }));
    expect(posts.map((post) => [post.status, (post.body as MemberView).id])).toEqual([
      [201, (posts[0]!.body as MemberView).id],
      [201, (posts[0]!.body as MemberView).id],
    ]);
    await invite(client, {});
    const all = bodyOf<Listed>(await client.get('/api/members'), 200).items.map((member) => member.id);
    const first = bodyOf<Listed>(await client.get('/api/members?limit=2'), 200);
    const second = bodyOf<Listed>(await client.get(`/api/members?limit=2&cursor=${first.nextCursor}`), 200);
    expect([...first.items, ...second.items].map((member) => member.id)).toEqual(all);
    expect([all.length, second.nextCursor]).toEqual([3, null]);
  });

  it.each([
    ['no address', { email: undefined }, 'email'],
    ['what is no address', { email: 'ada' }, 'email'],
    ['an address with a line break', { email: 'ada@example.com\r\nBcc: x@example.com' }, 'email'],
    ['an address too long', { email: `${'a'.repeat(250)}@example.com` }, 'email'],
    ['no name', { name: '' }, 'name'],
    ['the role of an agent', { role: 'agent' }, 'role'],
    ['a null role', { role: null }, 'role'],
  ])('refuse %s and name the field', async (_, change, path) => {
    const body = { email: 'ada@example.com', name: 'Ada', role: 'member', ...change };
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.post('/api/members', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toEqual([path]);
  });

  it('say how an address looks when none is given', async () => {
    const problem = bodyOf<{ detail: string }>(
      await gateway.owner.post('/api/members', { name: 'A', role: 'viewer' }),
      422,
    );
    expect(problem.detail).toBe('email: Give an address such as ada@example.com.');
  });

  it.each([
    ['an agent beside the member', { agent: 'some' }, 'agent'],
    ['the role of an agent', { role: 'agent' }, 'role'],
    ['what is no id', { member: 'ada' }, 'member'],
    ['nobody', { member: SOME_ID }, 'member'],
  ])('get no key with %s', async (_, change, path) => {
    const { client } = await house();
    await client.post('/api/agents', { name: 'some' });
    const ada = await invite(client, {});
    const body = { name: 'x', role: 'member', member: ada.id, ...change };
    const problem = bodyOf<{ errors: { path: string }[] }>(await client.post('/api/keys', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toEqual([path]);
  });
});
