import { v7 as newId } from 'uuid';
import { unsubscribeToken, type Unsubscription } from '@houston/common/notifications/unsubscribe-token.js';
import supertest from 'supertest';
import { addAgent, addChannel, addMember, addNotification } from '../../../../test/factories/notifications.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { InboxItemView, NotificationView } from './notification.view.js';

interface List<Item> {
  items: Item[];
  nextCursor: string | null;
}

const KEY = 'key of this organization';

describe('notifications over HTTP', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <T>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inWorkspace(gateway.db, (tx) => tx.query<T>(sql, parameters));
  const memberClient = async (more: { role?: 'admin' | 'member' } = {}) => {
    const { role = 'member' } = more;
    const { id, email } = await addMember(gateway.db, { role });
    const key = await gateway.owner.post('/api/keys', { name: 'k', role, member: id });
    return { id, email, client: gateway.as(bodyOf<{ key: string }>(key, 201).key) };
  };
  const toInbox = async (memberId: string, more = {}) => {
    const id = await addNotification(gateway.db, { memberId, channel: 'inbox' }, more);
    await query(
      `update notifications set status = 'delivered', delivered_at = now(), next_attempt_at = null where id = $1`,
      [id],
    );
    return id;
  };
  const inboxOf = async (client: ApiClient, filter = '') =>
    bodyOf<List<InboxItemView>>(await client.get(`/api/inbox${filter}`), 200).items;
  const idsOf = (items: { id: string }[]) => items.map((item) => item.id);

  describe('an inbox', () => {
    it('is of the member whose key it is: newest first, unread or not, and nobody else’s', async () => {
      const [ada, eve] = [await memberClient(), await memberClient()];
      const ids = [await toInbox(ada.id, { title: 'first', refs: { taskId: 't' } }), await toInbox(ada.id)];
      const items = await inboxOf(ada.client);
      expect(idsOf(items)).toEqual([...ids].reverse());
      expect(items[1]).toMatchObject({ title: 'first', taskId: 't', type: 'task.blocked', readAt: null });
      expect(await inboxOf(eve.client)).toEqual([]);
      expect((await eve.client.post(`/api/inbox/${ids[0]}/read`)).status).toBe(404);
      const read = bodyOf<InboxItemView>(await ada.client.post(`/api/inbox/${ids[0]}/read`), 200);
      expect(read.readAt).not.toBeNull();
      expect(idsOf(await inboxOf(ada.client, '?unread=true'))).toEqual([ids[1]]);
      expect(bodyOf(await ada.client.post(`/api/inbox/${ids[0]}/read`), 200)).toEqual(read);
      bodyOf(await ada.client.post(`/api/inbox/${ids[0]}/archive`), 200);
      expect(idsOf(await inboxOf(ada.client))).toEqual([ids[1]]);
      expect(idsOf(await inboxOf(ada.client, '?archived=true'))).toEqual([ids[0]]);
    });

    it('has pages, and a cursor that fits no other inbox', async () => {
      const [ada, eve] = [await memberClient(), await memberClient()];
      for (let n = 0; n < 3; n += 1) await toInbox(ada.id);
      const first = bodyOf<List<InboxItemView>>(await ada.client.get('/api/inbox?limit=2'), 200);
      expect(first.items).toHaveLength(2);
      const rest = await inboxOf(ada.client, `?limit=2&cursor=${first.nextCursor}`);
      expect(rest).toHaveLength(1);
      expect((await eve.client.get(`/api/inbox?cursor=${first.nextCursor}`)).status).toBe(422);
    });

    it('does not show what has not arrived: a digest that is still open', async () => {
      const { id: memberId, client } = await memberClient();
      await addNotification(gateway.db, { memberId, channel: 'inbox' });
      expect(await inboxOf(client)).toEqual([]);
    });

    it('of an agent shows what waits for it, which has then been delivered; of a key of nobody it is empty', async () => {
      const agent = await addAgent(gateway.db);
      const client = gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }));
      const id = newId();
      await query(
        `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, agent_id, title, text,
                                    subject, next_attempt_at)
         values ($1, $2, $3, $4, 'message.sent', 'agent', $5, 'Hello', '', 'message:1', now() + interval '1 day')`,
        [gateway.db.organizationId, gateway.db.workspaceId, id, newId(), agent.id],
      );
      expect(await inboxOf(gateway.owner)).toEqual([]);
      expect(await query('select status from notifications where id = $1', [id])).toEqual([{ status: 'queued' }]);
      expect(idsOf(await inboxOf(client))).toEqual([id]);
      expect(await query('select status from notifications where id = $1', [id])).toEqual([{ status: 'delivered' }]);
      expect(idsOf(await inboxOf(client, '?unread=true'))).toEqual([id]);
      bodyOf(await client.post(`/api/inbox/${id}/read`), 200);
      expect(await inboxOf(client, '?unread=true')).toEqual([]);
    });
  });

  it('are listed by status and channel with how they fare, and without their words', async () => {
    const { id: memberId } = await addMember(gateway.db);
    const id = await addNotification(
      gateway.db,
      { memberId, channel: 'email' },
      { title: 'private title', text: 'private' },
    );
    await query(
      `update notifications set status = 'poisoned', attempt_count = 20, last_error = 'timeout', next_attempt_at = null
        where id = $1`,
      [id],
    );
    const answer = await gateway.owner.get('/api/notifications?status=poisoned&channel=email');
    expect(bodyOf<List<NotificationView>>(answer, 200).items).toMatchObject([
      {
        id,
        channel: 'email',
        recipient: { member: memberId },
        status: 'poisoned',
        attempts: 20,
        lastError: 'timeout',
        nextAttemptAt: null,
      },
    ]);
    expect(answer.text).not.toContain('private');
    const others = bodyOf<List<NotificationView>>(await gateway.owner.get('/api/notifications?channel=slack'), 200);
    expect(others.items).toEqual([]);
    expect((await gateway.owner.get('/api/notifications?status=pending')).status).toBe(422);
  });

  describe('preferences', () => {
    const wishes = {
      rules: [
        { event: 'task.*', channels: ['inbox'] },
        { event: 'message.sent', muted: true },
        { event: '*', digestSeconds: 60 },
      ],
      quietHours: { from: '22:00', to: '07:00', timezone: 'Europe/Paris' },
    };
    const of = (id: string) => `/api/members/${id}/preferences`;

    it('are none at first, are replaced as a whole, and are kept', async () => {
      const { id, client } = await memberClient();
      expect(bodyOf(await client.get(of(id)), 200)).toEqual({ rules: [], quietHours: null });
      expect(bodyOf(await client.put(of(id), wishes), 200)).toEqual(wishes);
      expect(bodyOf(await client.get(of(id)), 200)).toEqual(wishes);
      const stale = await client.put(of(id), { rules: [] }, { 'if-match': '"0"' });
      expect(stale.status).toBe(412);
      expect(bodyOf(await client.put(of(id), { rules: [] }, { 'if-match': '"1"' }), 200)).toEqual({
        rules: [],
        quietHours: null,
      });
    });

    it('are set by oneself, by owners and admins, and by nobody else; a stranger is not found', async () => {
      const [ada, eve, admin] = [await memberClient(), await memberClient(), await memberClient({ role: 'admin' })];
      expect((await eve.client.get(of(ada.id))).status).toBe(403);
      expect((await eve.client.put(of(ada.id), wishes)).status).toBe(403);
      for (const client of [admin.client, gateway.owner]) bodyOf(await client.put(of(ada.id), wishes), 200);
      expect((await eve.client.get(of(newId()))).status).toBe(404);
    });

    it.each([
      { rules: [{ event: 'no pattern' }] },
      { rules: [{ event: '*', channels: ['pigeon'] }] },
      { rules: [{ event: '*', digestSeconds: 0 }] },
      { rules: [], quietHours: { from: '25:00', to: '07:00', timezone: 'UTC' } },
      { rules: [], quietHours: { from: '22:00', to: '07:00', timezone: 'Mars/Olympus' } },
      { quietHours: null },
    ])('are refused as %j', async (body) => {
      const { id, client } = await memberClient();
      expect((await client.put(of(id), body)).status).toBe(422);
    });
  });

  describe('a link in a mail', () => {
    const tokenFor = async (kind: Unsubscription['kind'], id: string, secret = KEY) => {
      const { organizationId, workspaceId } = gateway.db;
      await query('insert into unsubscribe_keys values ($1, $2) on conflict do nothing', [organizationId, KEY]);
      return unsubscribeToken({ organizationId, workspaceId, kind, id, eventType: 'task.blocked' }, secret);
    };
    const http = () => supertest(gateway.url);
    const oneClick = (token: string) =>
      http().post(`/api/unsubscribe/${token}`).type('form').send({ 'List-Unsubscribe': 'One-Click' });

    it('changes nothing when it is looked at, and ends such mails of a member by one click without a key', async () => {
      const { id, client } = await memberClient();
      await client.put(`/api/members/${id}/preferences`, { rules: [{ event: '*', muted: false }] });
      const token = await tokenFor('member', id);
      const page = await http().get(`/api/unsubscribe/${token}`).expect(200);
      expect(page.text).toContain('task.blocked');
      const before = bodyOf<{ rules: object[] }>(await client.get(`/api/members/${id}/preferences`), 200);
      expect(before.rules).toHaveLength(1);
      await oneClick(token).expect(200);
      await oneClick(token).expect(200);
      const after = bodyOf<{ rules: object[] }>(await client.get(`/api/members/${id}/preferences`), 200);
      expect(after.rules).toEqual([{ event: 'task.blocked', muted: false, channels: ['inbox'] }, ...before.rules]);
    });

    it('ends the mails of a channel by disabling it', async () => {
      const { id } = await addChannel(gateway.db, { to: 'list@example.com' });
      await oneClick(await tokenFor('channel', id)).expect(200);
      expect(bodyOf(await gateway.owner.get(`/api/channels/${id}`), 200)).toMatchObject({
        status: 'disabled',
        disabledReason: 'unsubscribed',
      });
    });

    it('is taken from mail programs that send the form in parts, as RFC 8058 has it', async () => {
      const { id } = await addChannel(gateway.db, { to: 'parts@example.com' });
      const url = `/api/unsubscribe/${await tokenFor('channel', id)}`;
      await http().post(url).field('List-Unsubscribe', 'One-Click').expect(200);
      expect(bodyOf(await gateway.owner.get(`/api/channels/${id}`), 200)).toMatchObject({ status: 'disabled' });
    });

    it('of a member who is no more, with the workspace, is none any more', async () => {
      await http()
        .post(`/api/unsubscribe/${await tokenFor('member', newId())}`)
        .type('form')
        .send({ 'List-Unsubscribe': 'One-Click' })
        .expect(200);
    });

    it('that is forged or damaged does nothing, and looks like one that never was', async () => {
      const { id } = await addChannel(gateway.db, { to: 'kept@example.com' });
      const genuine = await tokenFor('channel', id);
      const [other] = (await tokenFor('channel', newId())).split('.');
      const forged = [
        await tokenFor('channel', id, 'guess'),
        `${other}.${genuine.split('.')[1]}`,
        'x',
        genuine.slice(0, -2),
      ];
      for (const token of forged) await oneClick(token).expect(404);
      expect(bodyOf(await gateway.owner.get(`/api/channels/${id}`), 200)).toMatchObject({ status: 'enabled' });
    });

    it('is the only place beside Slack’s that takes a form', async () => {
      const answer = await http()
        .post('/api/budgets')
        .set('authorization', `Bearer ${gateway.db.ownerKey}`)
        .type('form')
        .send('a=b');
      expect(answer.status).toBe(415);
      await http().post('/api/slack/interactions').field('payload', '{}').expect(415);
    });
  });

  describe('what was given up', () => {
    const giveUp = async () => {
      const { id: memberId } = await addMember(gateway.db);
      const id = await addNotification(gateway.db, { memberId, channel: 'email' });
      const letterId = newId();
      await query(
        `update notifications set status = 'poisoned', attempt_count = 3, schedule_step = 2, last_error = 'timeout',
                next_attempt_at = null where id = $1`,
        [id],
      );
      await query(
        `insert into dead_letters (organization_id, workspace_id, id, kind, notification_id, reason, summary)
         values ($1, $2, $3, 'notification', $4, 'attempts', '{}')`,
        [gateway.db.organizationId, gateway.db.workspaceId, letterId, id],
      );
      await query(
        `insert into notification_attempts (organization_id, workspace_id, notification_id, number, at, duration_ms, error_class)
         values ($1, $2, $3, 1, now(), 10, 'timeout')`,
        [gateway.db.organizationId, gateway.db.workspaceId, id],
      );
      return { id, letterId };
    };

    it('is among the dead letters with what was tried, and is sent again on request, once', async () => {
      const { id, letterId } = await giveUp();
      const list = bodyOf<List<{ id: string; referenceId: string }>>(
        await gateway.owner.get('/api/dead-letters?kind=notification'),
        200,
      );
      expect(list.items).toMatchObject([{ id: letterId, referenceId: id, kind: 'notification' }]);
      expect(bodyOf(await gateway.owner.get(`/api/dead-letters/${letterId}`), 200)).toMatchObject({
        attempts: [{ number: 1, errorClass: 'timeout' }],
      });
      expect(bodyOf(await gateway.owner.post(`/api/dead-letters/${letterId}/replay`), 200)).toMatchObject({
        status: 'replayed',
      });
      expect(await query('select status, schedule_step, attempt_count from notifications where id = $1', [id])).toEqual(
        [{ status: 'queued', schedule_step: 0, attempt_count: 3 }],
      );
      expect((await gateway.owner.post(`/api/dead-letters/${letterId}/replay`)).status).toBe(409);
    });

    it('comes back all at once after a mail server was away, and only that: what is chosen by kind, reason and time', async () => {
      const given = [await giveUp(), await giveUp(), await giveUp()];
      const replay = (filter: object) => gateway.owner.post('/api/dead-letters/replay', { filter });
      expect(bodyOf(await replay({}), 200)).toMatchObject({ count: 0 });
      for (const none of [{ kind: 'webhook' }, { kind: 'notification', reason: 'permanent' }])
        expect(bodyOf(await replay(none), 200)).toMatchObject({ count: 0, items: [] });
      expect((await replay({ kind: 'notification', tag: 'mail' })).status).toBe(422);
      expect(bodyOf(await replay({ kind: 'notification', from: '2020-01-01T00:00:00Z' }), 200)).toMatchObject({
        ...{ count: 3, skipped: [] },
        items: given.map(({ id, letterId }) => ({ id: letterId, kind: 'notification', referenceId: id, delayMs: 0 })),
      });
      const sql = 'select distinct status, schedule_step from notifications where id = any($1)';
      expect(await query(sql, [given.map(({ id }) => id)])).toEqual([{ status: 'queued', schedule_step: 0 }]);
      expect(bodyOf(await replay({ kind: 'notification' }), 200)).toMatchObject({ count: 0 });
    });

    it('stays as it is when it is let be', async () => {
      const { id, letterId } = await giveUp();
      expect((await gateway.owner.delete(`/api/dead-letters/${letterId}`)).status).toBe(204);
      expect(await query('select status from notifications where id = $1', [id])).toEqual([{ status: 'poisoned' }]);
    });
  });
});
