import type { HoustonConfig } from '@houston/common/config/config.js';
import { readEvents } from '@houston/common/events/event-reader.js';
import { NotificationRoute } from '../../apps/scheduler/src/routing/notification-route.js';
import { NotificationRouteStore } from '../../apps/scheduler/src/routing/notification-route.store.js';
import { createTask, insertAgent } from '../factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { untilSettled } from '../support/settled.js';

interface Party {
  id: string;
  name: string;
  client: ApiClient;
}

describe('whoever is written to', () => {
  let gateway: TestGateway;
  let slug: string;
  let owner: ApiClient;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`told-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
  });

  const agent = async (): Promise<Party> => {
    const made = await insertAgent(gateway.db);
    return { ...made, client: gateway.as(await gateway.key({ role: 'agent', agentId: made.id }), slug) };
  };
  const member = async (name: string): Promise<Party> => {
    const asked = { email: `${name}-${number}@example.com`, name, role: 'member' };
    const { id } = bodyOf<{ id: string }>(await owner.post('/api/members', asked), 201);
    const key = await owner.post('/api/keys', { name, role: 'member', workspace: slug, member: id });
    return { id, name, client: gateway.as(bodyOf<{ key: string }>(key, 201).key) };
  };
  /** Follows everything that has happened, twice, as a relay does that was lost half way. @returns who is told, sorted */
  const told = async (type: string) => {
    const { database, organizationId } = gateway.db;
    const route = new NotificationRoute(new NotificationRouteStore(), { notifyRetryScheduleMs: [0] } as HoustonConfig);
    await untilSettled(database, organizationId);
    return database.inOrganization(organizationId, async (tx) => {
      const events = await readEvents(tx, { position: '0', seq: '0' }, 10_000);
      for (let times = 0; times < 2; times += 1) await route.follow(tx, events);
      const rows = await tx.query<{ recipient: string; title: string; text: string }>(
        `select coalesce(n.member_id, n.agent_id) as recipient, n.title, n.text
           from notifications n join workspaces w on w.id = n.workspace_id
          where w.slug = $1 and n.event_type = $2 order by n.created_at, n.id`,
        [slug, type],
      );
      return rows;
    });
  };
  const whom = (rows: { recipient: string }[]) => rows.map(({ recipient }) => recipient).sort();

  it('in a thread is told of each message once, its author never', async () => {
    const [ada, bob, eve] = [await agent(), await agent(), await member('Eve')];
    const { id } = await createTask(owner, { title: 'Figures', assignee: bob.name });
    const post = async (by: Party, body: string) =>
      bodyOf(await by.client.post(`/api/tasks/${id}/messages`, { body }), 201);
    await post(ada, `@Eve and @${bob.name} and @Eve, look`);
    expect(whom(await told('message.posted'))).toEqual([bob.id, eve.id].sort());
    await post(eve, 'Seen');
    const rows = await told('message.posted');
    expect(whom(rows)).toEqual([ada.id, bob.id, bob.id, eve.id].sort());
    expect(rows.at(-1)).toMatchObject({ title: 'Eve on Figures', text: 'Seen' });
  });

  it('directly is told once, and owners and admins when no answer comes', async () => {
    const [ada, bob] = [await agent(), await agent()];
    const boss = { email: `boss-${number}@example.com`, name: 'Boss', role: 'admin' };
    const { id: admin } = bodyOf<{ id: string }>(await owner.post('/api/members', boss), 201);
    await member('Eve');
    const message = { body: 'Answer me', ackWithinSeconds: 1 };
    bodyOf(await ada.client.post(`/api/agents/${bob.id}/messages`, message), 201);
    await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query(`update agent_messages set ack_due_at = now() where agent_id = $1`, [bob.id]),
    );
    await gateway.db.database.statement('select escalate_unacknowledged($1, 10)', [gateway.db.organizationId]);
    expect(whom(await told('message.sent'))).toEqual([bob.id]);
    expect(new Set(whom(await told('escalation.raised')))).toEqual(new Set([admin]));
  });
});
