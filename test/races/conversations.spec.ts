import { createTask, insertAgent } from '../factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

describe('conversations on two gateways', () => {
  let db: TestDatabase;
  let gateways: TestGateway[];
  let owner: ApiClient;

  beforeAll(async () => {
    db = await openTestDatabase();
    gateways = [await startGateway({ db }), await startGateway({ db })];
    owner = gateways[0]!.owner;
  });
  afterAll(async () => {
    for (const gateway of gateways ?? []) await gateway.close();
    await db?.close();
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  /** The same caller, on each gateway in turn. */
  const everywhere = (key: string, workspace: string) => gateways.map((gateway) => gateway.as(key, workspace));
  const inTurn = <T>(clients: ApiClient[], count: number, act: (client: ApiClient, n: number) => PromiseLike<T>) =>
    Promise.all(Array.from({ length: count }, (_, n) => act(clients[n % clients.length]!, n)));
  const statuses = (answers: { status: number }[]) => {
    const counts: Record<number, number> = {};
    for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };

  it('let an agent send exactly as many messages in 60 s as it may, and say when it may again', async () => {
    const { slug } = await gateways[0]!.workspace('limited');
    const [sender, other, to] = [await insertAgent(db), await insertAgent(db), await insertAgent(db)];
    const clients = everywhere(await gateways[0]!.key({ role: 'agent', agentId: sender.id }), slug);
    const send = (client: ApiClient) => client.post(`/api/agents/${to.id}/messages`, { body: 'x' });
    const answers = await inTurn(clients, 40, send);
    expect(statuses(answers)).toEqual({ 201: 10, 429: 30 });
    const refused = answers.filter(({ status }) => status === 429);
    for (const { headers, body } of refused) {
      expect(body).toMatchObject({ code: 'rate_limited' });
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    const [freeClient] = everywhere(await gateways[0]!.key({ role: 'agent', agentId: other.id }), slug);
    bodyOf(await send(freeClient!), 201);
    // Whoever is no agent is not counted.
    expect(statuses(await inTurn(everywhere(db.ownerKey, slug), 12, send))).toEqual({ 201: 12 });

    // Three of the ten become older than the window.
    await query(
      `update agent_messages set created_at = created_at - interval '1 minute'
        where id in (select id from agent_messages where sender_agent_id = $1 limit 3)`,
      [sender.id],
    );
    expect(statuses(await inTurn(clients, 10, send))).toEqual({ 201: 3, 429: 7 });
  });

  it('count by the setting of the workspace, each workspace by itself', async () => {
    const sender = await insertAgent(db);
    const key = await gateways[0]!.key({ role: 'agent', agentId: sender.id });
    for (const [slug, perMinute] of [
      ['few', 2],
      ['many', 15],
    ] as const) {
      await gateways[0]!.workspace(slug);
      bodyOf(await owner.patch(`/api/workspaces/${slug}`, { settings: { messages: { perMinute } } }), 200);
      const answers = await inTurn(everywhere(key, slug), 20, (client) =>
        client.post(`/api/agents/${sender.id}/messages`, { body: 'x' }),
      );
      expect(statuses(answers)).toEqual({ 201: perMinute, 429: 20 - perMinute });
    }
  });

  it('subscribe whoever asks 20 times at once, or posts and is mentioned at once, once', async () => {
    const { slug } = await gateways[0]!.workspace('followed');
    const task = await createTask(gateways[0]!.as(db.ownerKey, slug));
    const [a, b] = [await insertAgent(db), await insertAgent(db)];
    const clientsOf = async ({ id }: { id: string }) =>
      everywhere(await gateways[0]!.key({ role: 'agent', agentId: id }), slug);
    const [byA, byB] = [await clientsOf(a), await clientsOf(b)];
    const asked = await inTurn(byA, 20, (client) => client.post(`/api/tasks/${task.id}/subscription`));
    expect(statuses(asked)).toEqual({ 201: 20 });
    const posts = await Promise.all([
      inTurn(byA, 10, (client) => client.post(`/api/tasks/${task.id}/messages`, { body: `@${b.name} look` })),
      inTurn(byB, 10, (client) => client.post(`/api/tasks/${task.id}/messages`, { body: `@${a.name} look` })),
    ]);
    expect(statuses(posts.flat())).toEqual({ 201: 20 });
    const followers = await query<{ subscriber: string }>('select subscriber from subscriptions where task_id = $1', [
      task.id,
    ]);
    expect(followers.map(({ subscriber }) => subscriber).sort()).toEqual([a.id, b.id].sort());
    expect(
      await query(`select id from events where type = 'subscription.added' and task_id = $1`, [task.id]),
    ).toHaveLength(1);
    const told = await query<{ data: { author: { agent: string }; recipients: object[] } }>(
      `select data from events where type = 'message.posted' and task_id = $1`,
      [task.id],
    );
    expect(told).toHaveLength(20);
    for (const { data } of told) {
      expect(data.recipients).toEqual([{ agent: data.author.agent === a.id ? b.id : a.id }]);
    }
  });

  it('let one of ten editors of the same version win', async () => {
    const clients = everywhere(db.ownerKey, 'default');
    const made = bodyOf<{ id: string }>(
      await owner.post('/api/documents', { type: 'note', title: 'x', body: '0' }),
      201,
    );
    const edits = await inTurn(clients, 10, (client, n) =>
      client.patch(`/api/documents/${made.id}`, { body: `${n + 1}` }, { 'if-match': '"1"' }),
    );
    expect(statuses(edits)).toEqual({ 200: 1, 412: 9 });
    const { items } = bodyOf<{ items: { version: number; body: string }[] }>(
      await owner.get(`/api/documents/${made.id}/versions`),
      200,
    );
    const winner = edits.find(({ status }) => status === 200)?.body as { body: string };
    expect(items).toMatchObject([
      { version: 2, body: winner.body },
      { version: 1, body: '0' },
    ]);
  });
});
