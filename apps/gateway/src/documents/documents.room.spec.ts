import { claim, createTask, insertAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { DocumentVersionView, DocumentView } from './document.view.js';

const NOWHERE = '00000000-0000-4000-8000-000000000000';
const TEXT = { type: 'research', title: 'Q3', body: '# Q3' };

describe('documents', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let slug: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`documents-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
  });

  const agent = async () => {
    const made = await insertAgent(gateway.db);
    return { ...made, client: gateway.as(await gateway.key({ role: 'agent', agentId: made.id }), slug) };
  };
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const write = async (fields: object = {}, by = owner) =>
    bodyOf<DocumentView>(await by.post('/api/documents', { ...TEXT, ...fields }), 201);
  const edit = (id: string, body: object, headers?: Record<string, string>) =>
    owner.patch(`/api/documents/${id}`, body, headers);
  const versions = async (id: string, more = '') =>
    bodyOf<{ items: DocumentVersionView[]; nextCursor: string | null }>(
      await owner.get(`/api/documents/${id}/versions?${more}`),
      200,
    );
  const ids = (items: { id: string }[]) => items.map(({ id }) => id);

  it('say who wrote what, for which task, as it was written', async () => {
    const task = await createTask(owner);
    const ada = await agent();
    const body = '<img src=x onerror=alert(1)>\n\n| a | b |\r\n{{not a placeholder}} \u{1f680}';
    const made = await write({ taskId: task.id, body }, ada.client);
    expect(made).toMatchObject({
      ...TEXT,
      body,
      taskId: task.id,
      version: 1,
      author: { agent: ada.id, name: ada.name },
    });
    const read = await owner.get(`/api/documents/${made.id}`);
    expect(read.headers['etag']).toBe('"1"');
    expect(read.body).toEqual(made);
    expect(
      await query(
        `select type, task_id, data->>'documentId' as id from events where task_id = $1 and type like 'document.%'`,
        [task.id],
      ),
    ).toEqual([{ type: 'document.created', task_id: task.id, id: made.id }]);
  });

  it('keep every version, and say who wrote it', async () => {
    const ada = await agent();
    const { id, author } = await write();
    const changed = bodyOf<DocumentView>(await ada.client.patch(`/api/documents/${id}`, { body: '# Q3, better' }), 200);
    expect(changed).toMatchObject({ ...TEXT, body: '# Q3, better', version: 2, author });
    bodyOf(await edit(id, { title: 'Q3 final', type: 'deliverable' }), 200);
    const { items } = await versions(id);
    expect(items).toMatchObject([
      { version: 3, type: 'deliverable', title: 'Q3 final', body: '# Q3, better', author },
      { version: 2, ...TEXT, body: '# Q3, better', author: { agent: ada.id } },
      { version: 1, ...TEXT, author },
    ]);
    const page = await versions(id, 'limit=2');
    expect(page.items.map(({ version }) => version)).toEqual([3, 2]);
    expect((await versions(id, `limit=2&cursor=${page.nextCursor}`)).items.map(({ version }) => version)).toEqual([1]);
  });

  it('make no version of a change that changes nothing', async () => {
    const { id } = await write();
    expect((await edit(id, TEXT)).headers['etag']).toBe('"1"');
    bodyOf(await edit(id, {}), 200);
    expect((await versions(id)).items).toHaveLength(1);
    expect(await query(`select id from events where subject = $1`, [`document:${id}`])).toHaveLength(1);
  });

  it('let nobody overwrite what he has not read', async () => {
    const { id } = await write();
    const edits = await Promise.all(['A', 'B'].map((body) => edit(id, { body }, { 'if-match': '"1"' })));
    expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);
    bodyOf(await edit(id, { body: 'C' }, { 'if-match': '"1"' }), 412);
    bodyOf(await edit(id, { body: 'C' }, { 'if-match': '"2"' }), 200);
    expect((await versions(id)).items.map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('are no longer than a megabyte, and no more than a page of versions holds', async () => {
    const megabyte = 'ä'.repeat(524_288);
    const { id } = await write({ body: megabyte });
    bodyOf(await edit(id, { body: `${megabyte}x` }), 422);
    for (const mark of ['a', 'b', 'c', 'd', 'e']) bodyOf(await edit(id, { body: mark + megabyte.slice(1) }), 200);
    const seen: number[] = [];
    const pages: number[] = [];
    for (let more = ''; ;) {
      const { items, nextCursor } = await versions(id, more);
      seen.push(...items.map(({ version }) => version));
      pages.push(items.length);
      if (nextCursor === null) break;
      more = `cursor=${nextCursor}`;
    }
    expect(seen).toEqual([6, 5, 4, 3, 2, 1]);
    expect(pages).toEqual([4, 2]);
  });

  it('end with their thousandth version', async () => {
    const { id } = await write();
    await query(`update documents set version = 999 where id = $1`, [id]);
    await query(`update document_versions set version = 999 where document_id = $1`, [id]);
    bodyOf(await edit(id, { body: 'last' }), 200);
    expect(bodyOf(await edit(id, { body: 'too much' }), 409)).toMatchObject({ code: 'conflict' });
    bodyOf(await edit(id, { body: 'last' }), 200);
  });

  it.each([
    ['no type', { type: undefined }, 'type'],
    ['an unknown type', { type: 'poem' }, 'type'],
    ['no title', { title: '' }, 'title'],
    ['a long title', { title: 'x'.repeat(501) }, 'title'],
    ['no body', { body: undefined }, 'body'],
    ['a body that is no text', { body: { a: 1 } }, 'body'],
    ['a task from nowhere', { taskId: NOWHERE }, 'taskId'],
  ])('with %s are refused', async (_, fields, path) => {
    const refused = bodyOf<{ errors: { path: string }[] }>(
      await owner.post('/api/documents', { ...TEXT, ...fields }),
      422,
    );
    expect(refused.errors.map((fault) => fault.path)).toContain(path);
  });

  it('may be empty, but not without a text, and stay with their task', async () => {
    const { id } = await write({ body: '' });
    for (const body of [{ body: null }, { title: null }, { taskId: NOWHERE }, { author: 'x' }])
      bodyOf(await edit(id, body), 422);
    bodyOf(await edit(NOWHERE, { body: 'x' }), 404);
  });

  it('are listed without their texts, by task and type, newest first', async () => {
    const task = await createTask(owner);
    const note = await write({ type: 'note', taskId: task.id });
    const loose = await write();
    const list = async (filter: string) =>
      bodyOf<{ items: DocumentView[] }>(await owner.get(`/api/documents?${filter}`), 200).items;
    expect(ids(await list(''))).toEqual([loose.id, note.id]);
    expect(ids(await list(`taskId=${task.id}`))).toEqual([note.id]);
    expect(ids(await list('type=research'))).toEqual([loose.id]);
    expect((await list(''))[0]).not.toHaveProperty('body');
    const page = bodyOf<{ nextCursor: string }>(await owner.get('/api/documents?limit=1'), 200);
    expect(ids(await list(`limit=1&cursor=${page.nextCursor}`))).toEqual([note.id]);
  });

  it('are read, not written, by viewers', async () => {
    const { id } = await write();
    const viewer = gateway.as(await gateway.key({ role: 'viewer' }), slug);
    bodyOf(await viewer.get(`/api/documents/${id}/versions`), 200);
    bodyOf(await viewer.patch(`/api/documents/${id}`, { body: 'x' }), 403);
    bodyOf(await viewer.post('/api/documents', TEXT), 403);
  });

  describe('are evidence for their task', () => {
    const working = async () => {
      const worker = await agent();
      await createTask(owner);
      const { task, lease } = await claim(worker.client, worker.id);
      return { worker, task, lease: { id: lease.id, fence: lease.fence } };
    };
    const move = (task: TaskJson, body: object) => owner.post(`/api/tasks/${task.id}/transition`, body);
    const complete = (by: ApiClient, task: TaskJson, body: object) => by.post(`/api/tasks/${task.id}/complete`, body);

    it('that lets a person move it on, for review and as done', async () => {
      const { worker, task } = await working();
      expect(bodyOf(await move(task, { to: 'review' }), 422)).toMatchObject({ code: 'evidence_required' });
      expect(bodyOf(await move(task, { to: 'done' }), 422)).toMatchObject({ code: 'evidence_required' });
      const note = await write({ taskId: task.id, type: 'note' }, worker.client);
      const deliverable = await write({ taskId: task.id, type: 'deliverable' }, worker.client);
      await write({ taskId: task.id, type: 'note' }, worker.client);
      expect(note.id).not.toBe(deliverable.id);
      expect(bodyOf(await move(task, { to: 'review' }), 200)).toMatchObject({
        ...{ status: 'review', evidenceRef: `document:${deliverable.id}` },
      });
      expect(bodyOf(await move(task, { to: 'done' }), 200)).toMatchObject({ status: 'done' });
    });

    it.each(['review', 'done'])('that lets its worker hand it in: %s', async (status) => {
      const { worker, task, lease } = await working();
      bodyOf(await complete(worker.client, task, { lease, outcome: status }), 422);
      const { id } = await write({ taskId: task.id }, worker.client);
      expect(bodyOf(await complete(worker.client, task, { lease, outcome: status }), 200)).toMatchObject({
        ...{ status, evidenceRef: `document:${id}` },
      });
    });

    it('also when they are attached to its thread', async () => {
      const { worker, task } = await working();
      const { id } = await write({}, worker.client);
      bodyOf(await move(task, { to: 'done' }), 422);
      bodyOf(await worker.client.post(`/api/tasks/${task.id}/messages`, { body: 'Here', attachments: [id] }), 201);
      expect(bodyOf(await move(task, { to: 'done' }), 200)).toMatchObject({ evidenceRef: `document:${id}` });
    });

    it('but not for another, nor for a block without a reason, nor for the shape of a result', async () => {
      const { task } = await working();
      await write({ taskId: (await createTask(owner)).id });
      bodyOf(await move(task, { to: 'done' }), 422);
      await write({ taskId: task.id });
      expect(bodyOf(await move(task, { to: 'blocked' }), 422)).toMatchObject({ code: 'blocker_reason_required' });
      bodyOf(await owner.patch(`/api/tasks/${task.id}`, { outputSchema: { type: 'object' } }), 200);
      expect(bodyOf(await move(task, { to: 'done' }), 422)).toMatchObject({ code: 'output_schema_mismatch' });
      expect(bodyOf(await move(task, { to: 'review', evidenceRef: 'https://example.com' }), 200)).toMatchObject({
        evidenceRef: 'https://example.com',
      });
    });
  });
});
