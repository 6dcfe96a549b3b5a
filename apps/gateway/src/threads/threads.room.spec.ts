import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { SubscriptionView, TaskMessageView } from './thread.view.js';

const NOWHERE = '00000000-0000-4000-8000-000000000000';

interface Party {
  id: string;
  name: string;
  client: ApiClient;
}

describe('the threads of tasks', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let slug: string;
  let task: { id: string };
  let ada: Party;
  let bob: Party;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`threads-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
    [ada, bob] = [await agent(), await agent()];
    task = await createTask(owner, { title: 'Figures' });
  });

  const agent = async (name?: string): Promise<Party> => {
    const made = await insertAgent(gateway.db, { name });
    return { ...made, client: gateway.as(await gateway.key({ role: 'agent', agentId: made.id }), slug) };
  };
  const member = async (name: string, role = 'member'): Promise<Party> => {
    const email = `${name.replaceAll(' ', '.')}-${number}@example.com`;
    const { id } = bodyOf<{ id: string }>(await owner.post('/api/members', { email, name, role }), 201);
    const key = bodyOf<{ key: string }>(
      await owner.post('/api/keys', { name, role, workspace: slug, member: id }),
      201,
    );
    return { id, name, client: gateway.as(key.key) };
  };
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const post = async (by: ApiClient, body: string, more: object = {}) =>
    bodyOf<TaskMessageView>(await by.post(`/api/tasks/${task.id}/messages`, { body, ...more }), 201);
  /** Who was told of the latest message. */
  const told = async () => {
    const [event] = await query<{ data: { recipients: { agent?: string; member?: string }[] } }>(
      `select data from events where type = 'message.posted' and task_id = $1 order by seq desc limit 1`,
      [task.id],
    );
    return event!.data.recipients.map((one) => one.agent ?? one.member).sort();
  };
  const followers = async () =>
    bodyOf<{ items: SubscriptionView[] }>(await owner.get(`/api/tasks/${task.id}/subscriptions`), 200).items.map(
      ({ subscriber, reason }) => [subscriber.agent ?? subscriber.member, reason],
    );

  it('keep what was said as it was said, oldest first', async () => {
    const body = '<script>alert(1)</script> **bold** <!channel> \r\nX: y \u{1f680}';
    const first = await post(ada.client, body);
    expect(first).toMatchObject({
      ...{ taskId: task.id, author: { agent: ada.id, name: ada.name }, body, replyTo: null },
      ...{ attachments: [], mentions: [] },
    });
    const reply = await post(bob.client, 'Yes', { replyTo: first.id });
    const { items } = bodyOf<{ items: TaskMessageView[] }>(await owner.get(`/api/tasks/${task.id}/messages`), 200);
    expect(items).toEqual([first, reply]);
    const page = bodyOf<{ nextCursor: string }>(await owner.get(`/api/tasks/${task.id}/messages?limit=1`), 200);
    const rest = await owner.get(`/api/tasks/${task.id}/messages?limit=1&cursor=${page.nextCursor}`);
    expect(rest.body).toEqual({ items: [reply], nextCursor: null });
  });

  it('tell of each message every follower once, and its author never', async () => {
    const eve = await member('Eve');
    await post(ada.client, 'First');
    expect(await told()).toEqual([]);
    await post(eve.client, `@${ada.name} @${bob.name}, @${bob.name}: look, says @Eve`);
    expect(await told()).toEqual([ada.id, bob.id].sort());
    await post(bob.client, 'Done');
    expect(await told()).toEqual([ada.id, eve.id].sort());
    await post(owner, 'By a key that belongs to nobody');
    expect(await told()).toEqual([ada.id, bob.id, eve.id].sort());
    expect(new Map((await followers()) as [string, string][])).toEqual(
      new Map([
        [ada.id, 'post'],
        [eve.id, 'post'],
        [bob.id, 'mention'],
      ]),
    );
  });

  it('know agents and members by their names, with dots, dashes and spaces, not in code or addresses', async () => {
    const dotted = await agent(`gpt-4.1-${number}.mini`);
    const spaced = await member('Grace Hopper');
    const quoted = await agent(`quoted-${number}`);
    const message = await post(
      ada.client,
      `@${dotted.name}. (@Grace Hopper) \`@${quoted.name}\` x@${quoted.name} @nobody-${number}\n\`\`\`\n@${quoted.name}\n\`\`\``,
    );
    expect(message.mentions).toEqual([
      { agent: dotted.id, name: dotted.name },
      { member: spaced.id, name: spaced.name },
    ]);
  });

  it('never tell a member who was removed, and let nobody mention one', async () => {
    const eve = await member('Eve');
    await post(eve.client, 'Hello');
    bodyOf(await owner.delete(`/api/members/${eve.id}`), 204);
    expect((await post(ada.client, '@Eve are you there?')).mentions).toEqual([]);
    expect(await told()).toEqual([]);
  });

  it('are followed by whoever is given the task', async () => {
    task = await createTask(owner, { assignee: ada.name });
    expect(await followers()).toEqual([[ada.id, 'assignment']]);
    bodyOf(await owner.patch(`/api/tasks/${task.id}`, { assignee: bob.name }), 200);
    expect(await followers()).toContainEqual([bob.id, 'assignment']);
  });

  it('are followed by whoever takes the task', async () => {
    const taker = await agent();
    expect(await followers()).toEqual([]);
    expect((await claim(taker.client, taker.id)).task.id).toBe(task.id);
    await post(owner, 'Well?');
    expect(await told()).toEqual([taker.id]);
  });

  it('tell whoever was mentioned also where nobody is subscribed by itself', async () => {
    const settings = { features: { autoSubscribe: false } };
    bodyOf(await owner.patch(`/api/workspaces/${slug}`, { settings }), 200);
    task = await createTask(owner, { assignee: ada.name });
    await post(ada.client, `@${bob.name}?`);
    expect(await told()).toEqual([bob.id]);
    expect(await followers()).toEqual([]);
    bodyOf(await ada.client.post(`/api/tasks/${task.id}/subscription`), 201);
    await post(bob.client, 'Yes');
    expect(await told()).toEqual([ada.id]);
  });

  it.each([
    ['nothing', {}, 'body'],
    ['an empty text', { body: '' }, 'body'],
    ['a text of 1 MB', { body: 'x'.repeat(1_048_576) }, 'body'],
    ['an answer to nothing', { body: 'x', replyTo: NOWHERE }, 'replyTo'],
    ['a document from nowhere', { body: 'x', attachments: [NOWHERE] }, 'attachments'],
    ['a hundred documents', { body: 'x', attachments: Array<string>(100).fill(NOWHERE) }, 'attachments'],
    ['a field that does not exist', { body: 'x', mentions: [] }, 'mentions'],
  ])('refuse %s, and keep nothing of it', async (_, body, path) => {
    const refused = await ada.client.post(`/api/tasks/${task.id}/messages`, body);
    expect(bodyOf<{ errors: { path: string }[] }>(refused, 422).errors.map((fault) => fault.path)).toContain(path);
    expect(await query('select id from task_messages where task_id = $1', [task.id])).toEqual([]);
  });

  it('refuse an answer to another task, and a document of another workspace', async () => {
    const elsewhere = gateway.as(gateway.db.ownerKey, (await gateway.workspace(`other-${number}`)).slug);
    const text = { type: 'note', title: 'x', body: 'x' };
    const foreign = bodyOf<{ id: string }>(await elsewhere.post('/api/documents', text), 201);
    bodyOf(await owner.post(`/api/tasks/${task.id}/messages`, { body: 'x', attachments: [foreign.id] }), 422);
    const other = await createTask(owner);
    const { id } = bodyOf<{ id: string }>(await owner.post(`/api/tasks/${other.id}/messages`, { body: 'x' }), 201);
    bodyOf(await owner.post(`/api/tasks/${task.id}/messages`, { body: 'x', replyTo: id }), 422);
    const own = bodyOf<{ id: string }>(await owner.post('/api/documents', text), 201);
    expect((await post(owner, 'x', { attachments: [own.id, own.id.toUpperCase()] })).attachments).toEqual([own.id]);
  });

  it('take a message that is sent twice under one Idempotency-Key once', async () => {
    const key = { 'idempotency-key': `once ${number}` };
    const twice = [1, 2].map(() => ada.client.post(`/api/tasks/${task.id}/messages`, { body: 'x' }, key));
    for (const answer of await Promise.all(twice)) expect([201, 409]).toContain(answer.status);
    bodyOf(await ada.client.post(`/api/tasks/${task.id}/messages`, { body: 'x' }, key), 201);
    expect(await query('select id from task_messages where task_id = $1', [task.id])).toHaveLength(1);
  });

  it('go with their workspace, answers and all', async () => {
    const { id } = await post(ada.client, `@${bob.name}`);
    await post(bob.client, 'Yes', { replyTo: id });
    bodyOf(await owner.post(`/api/agents/${bob.id}/messages`, { body: 'x', taskId: task.id }), 201);
    bodyOf(await owner.post('/api/documents', { taskId: task.id, type: 'note', title: 'x', body: 'x' }), 201);
    bodyOf(await gateway.owner.delete(`/api/workspaces/${slug}`), 204);
    for (const table of ['task_messages', 'subscriptions', 'agent_messages', 'documents'])
      expect(await query(`select task_id from ${table} where task_id = $1`, [task.id])).toEqual([]);
  });

  describe('are followed and left', () => {
    const follow = (by: ApiClient, body: object = {}) => by.post(`/api/tasks/${task.id}/subscription`, body);

    it('by whoever asks, for themselves', async () => {
      const eve = await member('Eve', 'viewer');
      expect(bodyOf<SubscriptionView>(await follow(eve.client), 201)).toMatchObject({
        ...{ taskId: task.id, subscriber: { member: eve.id, name: 'Eve' }, reason: 'request' },
      });
      bodyOf(await follow(ada.client), 201);
      bodyOf(await follow(ada.client), 201);
      await post(owner, 'Hello');
      expect(await told()).toEqual([ada.id, eve.id].sort());
      for (const { client } of [eve, ada, ada]) bodyOf(await client.delete(`/api/tasks/${task.id}/subscription`), 204);
      await post(owner, 'Anybody?');
      expect(await told()).toEqual([]);
      const changes = await query(`select type from events where task_id = $1 and type like 'subscription.%'`, [
        task.id,
      ]);
      expect(changes).toHaveLength(4);
    });

    it('for others by those who may', async () => {
      const eve = await member('Eve');
      bodyOf(await follow(owner, { agent: 'nobody' }), 422);
      bodyOf(await follow(owner, { member: NOWHERE }), 422);
      bodyOf(await follow(owner, { agent: ada.name, member: eve.id }), 422);
      bodyOf(await follow(owner, { agent: ada.name }), 201);
      bodyOf(await follow(owner, { member: eve.id }), 201);
      bodyOf(await follow(ada.client, { agent: bob.name }), 403);
      bodyOf(await ada.client.delete(`/api/tasks/${task.id}/subscription?member=${eve.id}`), 403);
      bodyOf(await owner.delete(`/api/tasks/${task.id}/subscription?agent=${ada.name}`), 204);
      expect(await followers()).toEqual([[eve.id, 'request']]);
      bodyOf(await follow(owner), 201);
      bodyOf(await owner.delete(`/api/tasks/${task.id}/subscription`).send({ member: eve.id }), 204);
      expect((await followers()).map(([, reason]) => reason)).toEqual(['request']);
      expect((await followers()).flat()).not.toContain(eve.id);
      bodyOf(await owner.delete(`/api/tasks/${task.id}/subscription`).send({ agent: 'nobody' }), 422);
    });

    it('by a key that belongs to nobody, which nobody is told of', async () => {
      const followed = bodyOf<SubscriptionView>(await follow(owner), 201);
      expect(followed.subscriber).toEqual({ key: expect.any(String), name: 'Owner' });
      bodyOf(await follow(owner), 201);
      expect(await followers()).toHaveLength(1);
      await post(ada.client, 'Hello');
      expect(await told()).toEqual([]);
      bodyOf(await owner.delete(`/api/tasks/${task.id}/subscription`), 204);
      expect(await followers()).toEqual([[ada.id, 'post']]);
    });

    it('only where the task is', async () => {
      for (const id of [NOWHERE, 'no-id']) {
        bodyOf(await ada.client.post(`/api/tasks/${id}/subscription`), 404);
        bodyOf(await ada.client.delete(`/api/tasks/${id}/subscription`), 404);
        bodyOf(await owner.get(`/api/tasks/${id}/subscriptions`), 404);
        bodyOf(await owner.get(`/api/tasks/${id}/messages`), 404);
        bodyOf(await owner.post(`/api/tasks/${id}/messages`, { body: 'x' }), 404);
      }
    });
  });
});
