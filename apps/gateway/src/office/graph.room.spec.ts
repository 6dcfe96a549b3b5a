import { v7 as newId } from 'uuid';
import { appendEvent } from '@houston/common/events/event-log.js';
import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { GraphView } from './graph.view.js';

interface Worker {
  id: string;
  name: string;
  client: ApiClient;
}

describe('the graph of the office', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let slug: string;
  let workspaceId: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug, id: workspaceId } = await gateway.workspace(`office-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
  });

  async function worker(): Promise<Worker> {
    const agent = await insertAgent(gateway.db, { maxConcurrent: 10 });
    return { ...agent, client: gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }), slug) };
  }
  const graph = async (query = '', client = owner) =>
    bodyOf<GraphView>(await client.get(`/api/office/graph?${query}`), 200);
  const edges = async (query = '') =>
    (await graph(query)).edges.map(({ from, to, type, evidence }) => ({ from, to, type, evidence }));
  const post = async (from: Worker, taskId: string, body: object) =>
    bodyOf<{ id: string }>(await from.client.post(`/api/tasks/${taskId}/messages`, body), 201).id;
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));

  it('has every agent with its state, and no edge where nothing passed', async () => {
    const [idle, working] = [await worker(), await worker()];
    await createTask(owner);
    await claim(working.client, working.id);
    const { nodes, edges: none, window } = await graph();
    expect([window, none]).toEqual(['1h', []]);
    expect(nodes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: idle.id, name: idle.name, status: 'offline', lastSeenAt: null }),
        expect.objectContaining({
          id: working.id,
          status: 'working',
          health: 'active',
          lastSeenAt: expect.any(String),
        }),
      ]),
    );
  });

  it('draws mentions and replies in a thread, each with its message, and none to oneself', async () => {
    const [ada, bob] = [await worker(), await worker()];
    const { id } = await createTask(owner);
    const asked = await post(ada, id, { body: `@${bob.name} and @${ada.name}, look` });
    const answered = await post(bob, id, { body: 'I do', replyTo: asked });
    await post(bob, id, { body: 'Talking to myself', replyTo: answered });
    const drawn = (await edges()).filter(({ type }) => type !== 'notification');
    expect(drawn).toHaveLength(2);
    expect(drawn).toEqual(
      expect.arrayContaining([
        { from: ada.id, to: bob.id, type: 'mention', evidence: [asked] },
        { from: bob.id, to: ada.id, type: 'reply', evidence: [answered] },
      ]),
    );
  });

  it('draws handoffs, tasks made for another and delegated runs as delegations', async () => {
    const [lead, clerk] = [await worker(), await worker()];
    const made = await createTask(lead.client, { title: 'For the clerk', assignee: clerk.name });
    const own = await createTask(lead.client, { title: 'For myself', assignee: lead.name });
    const message = bodyOf<{ id: string }>(
      await lead.client.post(`/api/agents/${clerk.id}/messages`, {
        type: 'handoff',
        priority: 'normal',
        body: 'Yours',
      }),
      201,
    );
    const run = { model: 'gpt-4o', estimate: { costUsd: '0' } };
    const parent = bodyOf<{ id: string }>(await owner.post('/api/executions', { ...run, agent: lead.name }), 201);
    const child = bodyOf<{ id: string }>(
      await owner.post('/api/executions', { ...run, agent: clerk.name, trigger: 'delegation', parentId: parent.id }),
      201,
    );
    const drawn = (await edges()).filter(({ type }) => type === 'delegation');
    expect(drawn).toEqual([{ from: lead.id, to: clerk.id, type: 'delegation', evidence: expect.any(Array) }]);
    expect(drawn[0]?.evidence.sort()).toEqual([made.id, message.id, child.id].sort());
    expect(drawn[0]?.evidence).not.toContain(own.id);
  });

  it('draws a notification for each agent that is told, by its row once there is one', async () => {
    const [ada, bob] = [await worker(), await worker()];
    const { id } = await createTask(owner);
    await post(bob, id, { body: 'I follow from now on' });
    const told = await post(ada, id, { body: 'News' });
    const [event] = await query<{ id: string }>("select id from events where data ->> 'messageId' = $1", [told]);
    const edge = { from: ada.id, to: bob.id, type: 'notification' };
    expect(await edges()).toContainEqual({ ...edge, evidence: [event!.id] });
    const notificationId = newId();
    await query(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, agent_id, title, text, subject,
                                  next_attempt_at)
       values ($1, $2, $3, $4, 'message.posted', 'agent', $5, 't', 't', 's', now())`,
      [gateway.db.organizationId, workspaceId, notificationId, event!.id, bob.id],
    );
    expect(await edges()).toContainEqual({ ...edge, evidence: [notificationId] });
  });

  it('draws an answer to a direct message from whoever was asked to whoever asked', async () => {
    const [ada, bob] = [await worker(), await worker()];
    const path = `/api/agents/${bob.id}/messages`;
    const { id } = bodyOf<{ id: string }>(await ada.client.post(path, { body: 'Well?', requiresAck: true }), 201);
    bodyOf(await bob.client.post(`${path}/${id}/acknowledge`, { response: 'Yes' }), 200);
    const [told] = await query<{ id: string }>(
      `select id from events where type = 'message.acknowledged' and data ->> 'messageId' = $1`,
      [id],
    );
    const drawn = await edges();
    expect(drawn).toContainEqual({ from: bob.id, to: ada.id, type: 'notification', evidence: [told?.id] });
    expect(drawn).toHaveLength(2);
  });

  it('looks back as far as it is asked to, at one task if it is asked to, and never into another workspace', async () => {
    const [ada, bob] = [await worker(), await worker()];
    const [one, other] = [await createTask(owner), await createTask(owner)];
    const first = await post(ada, one.id, { body: `@${bob.name}` });
    const second = await post(ada, other.id, { body: `@${bob.name}` });
    const mentionsOf = async (asked: string) =>
      (await graph(asked)).edges
        .filter(({ type }) => type === 'mention')
        .map(({ count, evidence }) => [count, evidence]);
    expect(await mentionsOf('window=15m')).toEqual([[2, [second, first]]]);
    expect(await mentionsOf(`taskId=${one.id}`)).toEqual([[1, [first]]]);
    expect(await mentionsOf(`taskId=${newId()}`)).toEqual([]);
    await query(
      `insert into events (organization_id, workspace_id, id, type, actor, subject, data, time)
       select organization_id, workspace_id, gen_random_uuid(), type, actor, subject, data || '{"messageId": "before"}',
              now() - interval '2 hours' from events where data ->> 'messageId' = $1`,
      [first],
    );
    expect(await mentionsOf('')).toEqual([[2, [second, first]]]);
    expect(await mentionsOf('window=3h')).toEqual([[3, [second, first, 'before']]]);
    const elsewhere = gateway.as(gateway.db.ownerKey, (await gateway.workspace(`elsewhere-${number}`)).slug);
    expect((await graph('window=30d', elsewhere)).edges).toEqual([]);
  });

  it('stands strange events, and stays within its limits', async () => {
    const [ada, bob] = [await worker(), await worker()];
    const scope = { organizationId: gateway.db.organizationId, workspaceId };
    await gateway.db.database.inWorkspace(scope, async (tx) => {
      const event = { type: 'message.posted', actor: 'system', subject: 'task:x' };
      const strange = [
        { recipients: 'nobody', mentions: 'everybody', author: 7 },
        {
          recipients: [7, { agent: 'no id' }],
          mentions: [null, { agent: 'no id' }],
          author: { agent: ada.id },
          replyTo: 'x',
        },
      ];
      for (const data of strange) await appendEvent(tx, { ...event, data });
      for (let n = 0; n < 60; n += 1) {
        const data = { recipients: [], mentions: [{ agent: bob.id }], author: { agent: ada.id }, messageId: `m${n}` };
        await appendEvent(tx, { ...event, data });
      }
    });
    const mention = (await graph()).edges.find(({ type, to }) => type === 'mention' && to === bob.id);
    expect([mention?.count, mention?.evidence.length]).toEqual([60, 50]);
  });

  it.each(['0h', '1', '1 hour', '31d', '1w', '-1h', ''])('refuses a window of %j', async (window) => {
    const answer = await owner.get(`/api/office/graph?window=${encodeURIComponent(window)}`);
    expect(bodyOf<{ errors: { path: string }[] }>(answer, 422).errors.map((fault) => fault.path)).toEqual(['window']);
  });
});
