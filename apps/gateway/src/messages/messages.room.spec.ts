import { createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { AgentMessageView, BatchReadView } from './agent-message.view.js';

const NOWHERE = '00000000-0000-4000-8000-000000000000';

interface Party {
  id: string;
  name: string;
  client: ApiClient;
}

describe('direct messages', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let ada: Party;
  let bob: Party;
  let slug: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`messages-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
    const party = async (): Promise<Party> => {
      const agent = await insertAgent(gateway.db);
      return { ...agent, client: gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }), slug) };
    };
    [ada, bob] = [await party(), await party()];
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const send = async (from: ApiClient, to: Party, body: object = { body: 'Hello' }) =>
    bodyOf<AgentMessageView>(await from.post(`/api/agents/${to.id}/messages`, body), 201);
  const box = async (of: Party, filter = '') =>
    bodyOf<{ items: AgentMessageView[] }>(await owner.get(`/api/agents/${of.name}/messages?${filter}`), 200).items;
  const ids = (messages: { id: string }[]) => messages.map(({ id }) => id);
  const acknowledge = (by: ApiClient, of: Party, id: string, body: object = {}) =>
    by.post(`/api/agents/${of.id}/messages/${id}/acknowledge`, body);
  const events = async (id: string) =>
    query<{ type: string; data: Record<string, unknown> }>(
      'select type, data from events where subject = $1 order by seq',
      [`message:${id}`],
    );

  it('name their sender, whoever it is, and reach their recipient alone', async () => {
    const sent = await send(ada.client, bob, {
      type: 'request',
      priority: 'high',
      subject: 'Q3',
      body: '<b>Hi</b> \u{1f680}',
    });
    expect(sent).toMatchObject({
      ...{
        from: { agent: ada.id, name: ada.name },
        to: { agent: bob.id, name: bob.name },
        type: 'request',
        priority: 'high',
      },
      ...{ subject: 'Q3', body: '<b>Hi</b> \u{1f680}', requiresAck: false, readAt: null, acknowledgedAt: null },
    });
    expect(Date.parse(sent.expiresAt) - Date.parse(sent.createdAt)).toBe(30 * 86_400_000);
    expect((await send(owner, bob)).from).toEqual({ key: expect.any(String), name: 'Owner' });
    const [event] = await events(sent.id);
    expect(event).toMatchObject({
      type: 'message.sent',
      data: {
        messageId: sent.id,
        from: { agent: ada.id },
        to: { agent: bob.id },
        recipients: [{ agent: bob.id }],
        title: 'Q3',
      },
    });
    expect(await box(ada)).toEqual([]);
  });

  it('to oneself tell nobody', async () => {
    const [event] = await events((await send(ada.client, ada)).id);
    expect(event?.data['recipients']).toEqual([]);
  });

  it.each([
    ['no body', {}, 'body'],
    ['an empty body', { body: '' }, 'body'],
    ['a body of 1 MB', { body: 'x'.repeat(1_048_576) }, 'body'],
    ['an unknown type', { body: 'x', type: 'gossip' }, 'type'],
    ['a priority by number', { body: 'x', priority: 1 }, 'priority'],
    ['no time to acknowledge', { body: 'x', ackWithinSeconds: 0 }, 'ackWithinSeconds'],
    ['a time for no acknowledgement', { body: 'x', requiresAck: false, ackWithinSeconds: 1 }, 'ackWithinSeconds'],
    ['a task from nowhere', { body: 'x', taskId: NOWHERE }, 'taskId'],
    ['an answer to nothing', { body: 'x', replyTo: NOWHERE }, 'replyTo'],
    ['an unknown template', { template: 'nobody' }, 'template'],
    ['variables for no template', { body: 'x', variables: { a: 'b' } }, 'variables'],
    ['variables that are no texts', { template: 'x', variables: { a: 1 } }, 'variables'],
  ])('with %s are refused, and nothing is kept', async (_, body, path) => {
    const refused = await ada.client.post(`/api/agents/${bob.id}/messages`, body);
    expect(bodyOf<{ errors: { path: string }[] }>(refused, 422).errors.map((fault) => fault.path)).toContain(path);
    expect(await box(bob)).toEqual([]);
  });

  it('with NUL, however it is written, are refused', async () => {
    for (const text of ['{"body":"a\\u0000b"}', '{"body":"\\ud800"}']) {
      const answer = await ada.client.post(`/api/agents/${bob.id}/messages`, text, {
        'content-type': 'application/json',
      });
      expect(answer.status).toBe(422);
    }
  });

  it('to nobody are not found', async () => {
    expect(bodyOf(await ada.client.get(`/api/agents/${bob.id.toUpperCase()}/messages`), 200)).toMatchObject({
      items: [],
    });
    for (const name of [NOWHERE, 'nobody', 'messages']) {
      bodyOf(await ada.client.post(`/api/agents/${name}/messages`, { body: 'x' }), 404);
      bodyOf(await ada.client.get(`/api/agents/${name}/messages`), 404);
    }
  });

  it('are found by what they are and by what became of them', async () => {
    const plain = await send(owner, bob);
    const asked = await send(owner, bob, { body: 'x', type: 'request', priority: 'urgent', requiresAck: true });
    expect(ids(await box(bob))).toEqual([asked.id, plain.id]);
    expect(ids(await box(bob, 'unacknowledged=true'))).toEqual([asked.id]);
    expect(ids(await box(bob, 'unacknowledged=false'))).toEqual([plain.id]);
    expect(ids(await box(bob, 'type=request&priority=urgent'))).toEqual([asked.id]);
    expect(ids(await box(bob, 'type=alert'))).toEqual([]);
    const read = await bob.client.post('/api/agents/messages/batch-read', { ids: [plain.id] });
    expect(bodyOf<BatchReadView>(read, 200)).toEqual({ read: [plain.id], skipped: [] });
    expect(ids(await box(bob, 'unread=true'))).toEqual([asked.id]);
    expect(ids(await box(bob, 'unread=false'))).toEqual([plain.id]);
    bodyOf(await owner.get(`/api/agents/${bob.id}/messages?unread=maybe`), 422);
  });

  it('come page by page, newest first, each once', async () => {
    const sent = [];
    for (let n = 0; n < 5; n += 1) sent.unshift((await send(owner, bob, { body: `${n}` })).id);
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const page = bodyOf<{ items: AgentMessageView[]; nextCursor: string | null }>(
        await owner.get(`/api/agents/${bob.id}/messages?limit=2${cursor}`),
        200,
      );
      seen.push(...ids(page.items));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual(sent);
  });

  it('are read in batches by their recipient, not by others', async () => {
    const toBob = await send(owner, bob);
    const toAda = await send(owner, ada);
    const all = [toBob.id, toAda.id, NOWHERE];
    const read = await bob.client.post('/api/agents/messages/batch-read', { ids: all });
    expect(bodyOf<BatchReadView>(read, 200)).toEqual({ read: [toBob.id], skipped: [toAda.id, NOWHERE] });
    expect((await box(ada))[0]?.readAt).toBeNull();
    const member = gateway.as(await gateway.key({ role: 'member' }), slug);
    const byMember = await member.post('/api/agents/messages/batch-read', { ids: [toAda.id] });
    expect(bodyOf<BatchReadView>(byMember, 200)).toEqual({ read: [], skipped: [toAda.id] });
    const byOwner = await owner.post('/api/agents/messages/batch-read', { ids: all });
    expect(bodyOf<BatchReadView>(byOwner, 200).read).toEqual([toBob.id, toAda.id]);
    expect((await events(toBob.id)).map(({ type }) => type)).toEqual(['message.sent', 'message.read']);
    bodyOf(await owner.post('/api/agents/messages/batch-read', { ids: [] }), 422);
  });

  it('are acknowledged by their recipient alone, with a word for the sender', async () => {
    const { id } = await send(ada.client, bob, { body: 'x', ackWithinSeconds: 60 });
    bodyOf(await acknowledge(ada.client, bob, id), 403);
    bodyOf(await acknowledge(ada.client, ada, id), 403);
    bodyOf(await acknowledge(gateway.as(await gateway.key({ role: 'member' })), bob, id), 404);
    const done = bodyOf<AgentMessageView>(await acknowledge(bob.client, bob, id, { response: 'On it' }), 200);
    expect(done).toMatchObject({ acknowledgedAt: expect.any(String), readAt: expect.any(String), response: 'On it' });
    expect(done.ackDueAt).toBeNull();
    expect((await events(id)).at(-1)).toMatchObject({
      type: 'message.acknowledged',
      data: { isLate: false, recipients: [{ agent: ada.id }], text: 'On it' },
    });
  });

  it('are not acknowledged in the name of another, nor when they are not there', async () => {
    const { id } = await send(ada.client, bob);
    const member = gateway.as(await gateway.key({ role: 'member', workspaceId: (await workspaceOf(id))! }));
    bodyOf(await acknowledge(member, bob, id), 403);
    bodyOf(await acknowledge(owner, ada, id), 404);
    bodyOf(await acknowledge(bob.client, bob, NOWHERE), 404);
    expect((await box(bob))[0]?.acknowledgedAt).toBeNull();
    bodyOf(await acknowledge(owner, bob, id), 200);
  });
  const workspaceOf = async (id: string) =>
    (await query<{ workspace_id: string }>('select workspace_id from agent_messages where id = $1', [id]))[0]
      ?.workspace_id;

  it('acknowledged by 20 at once are acknowledged once, in the first words', async () => {
    const { id } = await send(ada.client, bob, { body: 'x', requiresAck: true });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => acknowledge(bob.client, bob, id, { response: `word ${n}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)]);
    const [winner] = answers.filter(({ status }) => status === 200);
    expect((await box(bob))[0]?.response).toBe((winner?.body as AgentMessageView).response);
    expect((await events(id)).filter(({ type }) => type === 'message.acknowledged')).toHaveLength(1);
    bodyOf(await acknowledge(bob.client, bob, id), 200);
  });

  it('that have expired are there no more, whether anybody has removed them or not', async () => {
    const { id } = await send(ada.client, bob);
    await query(`update agent_messages set expires_at = now() where id = $1`, [id]);
    expect(await box(bob)).toEqual([]);
    bodyOf(await acknowledge(bob.client, bob, id), 404);
  });

  it('sent twice under one Idempotency-Key are one', async () => {
    const key = { 'idempotency-key': `once ${number}` };
    const post = () => ada.client.post(`/api/agents/${bob.id}/messages`, { body: 'x' }, key);
    expect(bodyOf<AgentMessageView>(await post(), 201).id).toBe(bodyOf<AgentMessageView>(await post(), 201).id);
    expect(await box(bob)).toHaveLength(1);
  });

  describe('made from templates', () => {
    const template = {
      name: 'handover',
      type: 'handoff',
      subject: 'Of {{report}}',
      body: 'Take {{ report }}, {{who}}.',
    };

    it('take its fields and the values, which are not looked into', async () => {
      const made = await owner.post('/api/message-templates', { ...template, ackWithinSeconds: 60 });
      expect(bodyOf(made, 201)).toMatchObject({
        placeholders: ['report', 'who'],
        requiresAck: true,
        priority: 'normal',
      });
      const variables = { report: '{{who}} <script>', who: 'Bob' };
      const sent = await send(ada.client, bob, { template: 'handover', variables, priority: 'low' });
      expect(sent).toMatchObject({
        ...{ type: 'handoff', priority: 'low', template: 'handover', requiresAck: true, ackWithinSeconds: 60 },
        ...{ subject: 'Of {{who}} <script>', body: 'Take {{who}} <script>, Bob.' },
      });
    });

    it('need every value', async () => {
      bodyOf(await owner.post('/api/message-templates', template), 201);
      const refused = await ada.client.post(`/api/agents/${bob.id}/messages`, { template: 'handover' });
      expect(bodyOf<{ errors: object[] }>(refused, 422).errors).toContainEqual(
        expect.objectContaining({ path: 'variables.who' }),
      );
      const large = { template: 'handover', variables: { report: 'x'.repeat(8_000), who: '' } };
      bodyOf(await ada.client.post(`/api/agents/${bob.id}/messages`, large), 422);
      expect(await box(bob)).toEqual([]);
    });

    it('whose names are taken once, changed by one of two editors, and deleted', async () => {
      const { id } = bodyOf<{ id: string }>(await owner.post('/api/message-templates', template), 201);
      bodyOf(await owner.post('/api/message-templates', template), 409);
      bodyOf(await owner.post('/api/message-templates', { ...template, name: 'other' }), 201);
      bodyOf(await owner.patch(`/api/message-templates/${id}`, { name: 'other' }), 409);
      const edits = await Promise.all(
        ['A', 'B'].map((body) => owner.patch(`/api/message-templates/${id}`, { body }, { 'if-match': '"1"' })),
      );
      expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);
      expect(bodyOf<{ items: object[] }>(await owner.get('/api/message-templates'), 200).items).toHaveLength(2);
      bodyOf(await ada.client.patch(`/api/message-templates/${id}`, { body: 'x' }), 403);
      bodyOf(await owner.delete(`/api/message-templates/${id}`), 204);
      bodyOf(await owner.get(`/api/message-templates/${id}`), 404);
    });
  });

  it('of one workspace are not seen, answered, read or acknowledged from another', async () => {
    const task = await createTask(owner);
    const { id } = await send(ada.client, bob, { body: 'x', taskId: task.id });
    const other = await gateway.workspace(`elsewhere-${number}`);
    const elsewhere = gateway.as(await gateway.key({ role: 'agent', agentId: bob.id }), other.slug);
    expect(bodyOf<{ items: object[] }>(await elsewhere.get(`/api/agents/${bob.id}/messages`), 200).items).toEqual([]);
    bodyOf(await acknowledge(elsewhere, bob, id), 404);
    const read = await elsewhere.post('/api/agents/messages/batch-read', { ids: [id] });
    expect(bodyOf<BatchReadView>(read, 200)).toEqual({ read: [], skipped: [id] });
    bodyOf(await elsewhere.post(`/api/agents/${ada.id}/messages`, { body: 'x', replyTo: id }), 422);
    bodyOf(await elsewhere.post(`/api/agents/${ada.id}/messages`, { body: 'x', taskId: task.id }), 422);
  });
});
