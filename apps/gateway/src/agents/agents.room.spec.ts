import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { AgentView } from './agent.view.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';

describe('agents over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const create = async (body: Record<string, unknown>) =>
    bodyOf<AgentView>(await gateway.owner.post('/api/agents', body), 201);
  type Listed = { items: AgentView[]; nextCursor: string | null };

  it('are created and found by id and by name, also by a name with a slash and a space', async () => {
    const made = await create({ name: 'team/crawler 7', description: 'Crawls', metadata: { owner: 'ana' } });
    expect(made).toMatchObject({ name: 'team/crawler 7', description: 'Crawls', metadata: { owner: 'ana' } });
    expect(made.autoRegistered).toBe(false);
    for (const ref of [made.id, encodeURIComponent(made.name)]) {
      const found = await gateway.owner.get(`/api/agents/${ref}`);
      expect(bodyOf(found, 200)).toEqual(made);
      expect(found.headers.etag).toBe('"1"');
    }
    expect((await gateway.owner.get(`/api/agents/${SOME_ID}`)).status).toBe(404);
  });

  it('name the existing one when the name is taken, however many ask at once', async () => {
    const racing = await Promise.all(
      Array.from({ length: 8 }, () => gateway.owner.post('/api/agents', { name: 'twin' })),
    );
    const [made] = racing.filter((answer) => answer.status === 201);
    const refused = racing.filter((answer) => answer.status === 409);
    expect(refused).toHaveLength(7);
    for (const answer of refused) {
      expect(answer.body).toMatchObject({ code: 'already_exists', existingId: (made!.body as AgentView).id });
    }
  });

  it('that registered themselves are shown as such, and cannot be created again', async () => {
    const run = { agent: 'self-made', model: 'gpt-4o', estimate: { costUsd: '0' } };
    bodyOf(await gateway.owner.post('/api/executions', run), 201);
    expect(bodyOf<AgentView>(await gateway.owner.get('/api/agents/self-made'), 200).autoRegistered).toBe(true);
    bodyOf(await gateway.owner.post('/api/agents', { name: 'self-made' }), 409);
  });

  it('are known to every workspace of the organization', async () => {
    const { id } = await create({ name: 'shared' });
    const there = await gateway.workspace('agents-elsewhere');
    const stranger = gateway.as(await gateway.key({ role: 'viewer', workspaceId: there.id }));
    expect(bodyOf<AgentView>(await stranger.get('/api/agents/shared'), 200).id).toBe(id);
  });

  it('change in description and metadata, never in name, and only once for two editors', async () => {
    const { id } = await create({ name: 'edited', description: 'a' });
    const edits = await Promise.all(
      ['b', 'c'].map((description) => gateway.owner.patch(`/api/agents/${id}`, { description }, { 'if-match': '"1"' })),
    );
    expect(edits.map((edit) => edit.status).sort()).toEqual([200, 412]);
    const renamed = bodyOf<{ detail: string }>(await gateway.owner.patch('/api/agents/edited', { name: 'x' }), 422);
    expect(renamed.detail).toMatch(/never changes/);
    const merged = await gateway.owner.patch('/api/agents/edited', { metadata: { a: [1, { b: null }] } });
    expect(bodyOf<AgentView>(merged, 200).metadata).toEqual({ a: [1, { b: null }] });
    expect(merged.headers.etag).toBe('"3"');
    const same = await gateway.owner.patch('/api/agents/edited', { metadata: { a: [1, { b: null }] } });
    expect(same.headers.etag).toBe('"3"');
    const events = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query<{ type: string }>('select type from events where subject = $1 order by seq', [`agent:${id}`]),
    );
    expect(events.map((event) => event.type)).toEqual(['agent.created', 'agent.updated', 'agent.updated']);
  });

  it.each([
    ['no name', {}, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a name that is no text', { name: 5 }, 'name'],
    ['a name like an id', { name: SOME_ID }, 'name'],
    ['a very long name', { name: 'x'.repeat(201) }, 'name'],
    ['a name with NUL', { name: 'a\u0000' }, 'name'],
    ['a lone surrogate', { name: 'a\ud800' }, 'name'],
    ['a null description', { name: 'x', description: null }, 'description'],
    ['metadata that are a list', { name: 'x', metadata: [] }, 'metadata'],
    ['metadata of 20 kB', { name: 'x', metadata: { a: 'x'.repeat(20_000) } }, 'metadata'],
    ['an unknown field', { name: 'x', colour: 'red' }, 'colour'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.post('/api/agents', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('are listed by name, page by page, and searched in name and description without wildcards', async () => {
    for (const n of [3, 1, 2]) await create({ name: `list_${n}`, description: n === 2 ? 'Does 50% of it' : '' });
    const first = bodyOf<Listed>(await gateway.owner.get('/api/agents?q=LIST_&limit=2'), 200);
    const second = bodyOf<Listed>(
      await gateway.owner.get(`/api/agents?q=LIST_&limit=2&cursor=${first.nextCursor}`),
      200,
    );
    expect([...first.items, ...second.items].map((item) => item.name)).toEqual(['list_1', 'list_2', 'list_3']);
    expect(second.nextCursor).toBeNull();
    expect(bodyOf<Listed>(await gateway.owner.get('/api/agents?q=50%25'), 200).items.map((item) => item.name)).toEqual([
      'list_2',
    ]);
    expect(bodyOf<Listed>(await gateway.owner.get('/api/agents?q=list%25'), 200).items).toEqual([]);
    bodyOf(await gateway.owner.get(`/api/agents?q=other&cursor=${first.nextCursor}`), 422);
    for (const wrong of ['limit=0', 'q=%00', 'sort=name']) {
      expect([wrong, (await gateway.owner.get(`/api/agents?${wrong}`)).status]).toEqual([wrong, 422]);
    }
  });

  it('answer a retried request with the agent it made', async () => {
    const key = { 'idempotency-key': 'agent-1' };
    const first = await gateway.owner.post('/api/agents', { name: 'idempotent' }, key);
    const again = await gateway.owner.post('/api/agents', { name: 'idempotent' }, key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });
});
