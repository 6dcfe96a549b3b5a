import type { HoustonConfig } from '@houston/common/config/config.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { type LedgerEvent, readEvents } from '@houston/common/events/event-reader.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { v7 as newId } from 'uuid';
import { addAgent, addChannel, addMember } from '../../../../test/factories/notifications.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { NotificationRoute } from './notification-route.js';
import { NotificationRouteStore } from './notification-route.store.js';

interface Row {
  id: string;
  workspace_id: string;
  channel: string;
  member_id: string | null;
  agent_id: string | null;
  channel_id: string | null;
  title: string;
  text: string;
  refs: Record<string, string>;
  status: string;
  critical: boolean;
  digest_key: string | null;
  next_attempt_at: Date | null;
}

let db: TestDatabase;
const config = { notifyRetryScheduleMs: [0, 1_000], smtpUrl: 'smtp://localhost' } as HoustonConfig;
const route = (more: Partial<HoustonConfig> = {}) =>
  new NotificationRoute(new NotificationRouteStore(), { ...config, ...more });

beforeEach(async () => {
  db = await openTestDatabase();
});
afterEach(() => db.close());

const query = <T>(sql: string, parameters: unknown[] = []) =>
  db.database.inOrganization(db.organizationId, (tx) => tx.query<T>(sql, parameters));

async function happen(type: string, data: Record<string, unknown>, workspaceId: string | null = db.workspaceId) {
  await db.database.inOrganization(db.organizationId, (tx) =>
    appendEvent(tx, { type, actor: 'system', subject: 'thing:1', data, workspaceId }),
  );
}

async function events(): Promise<LedgerEvent[]> {
  await untilSettled(db.database, db.organizationId);
  const all = await db.database.inOrganization(db.organizationId, (tx) =>
    readEvents(tx, { position: '0', seq: '0' }, 200),
  );
  return all.filter((event) => event.type !== 'key.created');
}

async function relay(by = route()): Promise<Wakeup[]> {
  const waiting = await events();
  return db.database.inOrganization(db.organizationId, (tx) => by.follow(tx, waiting));
}

const rows = () => query<Row>('select * from notifications order by channel, created_at, id');
const told = async () =>
  (await rows()).map(({ channel, member_id: m, agent_id: a, channel_id: c }) => [channel, m ?? a ?? c]);

describe('members', () => {
  it('that an event names hear of it in their inbox and by mail, with its words and what it refers to', async () => {
    const { id } = await addMember(db);
    await addMember(db);
    const data = { recipients: [{ member: id }], title: 'Stuck', text: 'Please look.', taskId: 'task-1' };
    await happen('task.blocked', data);
    const wakeups = await relay();
    const [mail, inbox, ...more] = await rows();
    expect(more).toEqual([]);
    const words = { title: 'Stuck', text: 'Please look.', refs: { taskId: 'task-1' }, member_id: id };
    expect(mail).toMatchObject({ ...words, channel: 'email', status: 'queued' });
    expect(inbox).toMatchObject({ ...words, channel: 'inbox', status: 'delivered', next_attempt_at: null });
    expect(wakeups).toMatchObject([{ queue: 'notifications', id: `notification.${mail!.id}.0`, delayMs: 0 }]);
  });

  it('of a role hear of it once each, also when they are named as well; nobody in another workspace does', async () => {
    const owners = [await addMember(db, { role: 'owner' }), await addMember(db, { role: 'owner' })];
    await addMember(db, { role: 'admin' });
    const other = newId();
    await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'other', 'other')`, [
      db.organizationId,
      other,
    ]);
    const stranger = await addMember({ ...db, workspaceId: other }, { role: 'owner' });
    await happen('x.y', { recipients: [{ role: 'owner' }, { member: owners[0]!.id }, { member: stranger.id }] });
    await relay(route({ smtpUrl: undefined }));
    expect((await told()).sort()).toEqual(owners.map(({ id }) => ['inbox', id]).sort());
  });

  it('that caused it are not told, also not as one of their role', async () => {
    const [author, other] = [await addMember(db, { role: 'owner' }), await addMember(db, { role: 'owner' })];
    await happen('x.y', { recipients: [{ role: 'owner' }], author: { member: author.id } });
    await relay(route({ smtpUrl: undefined }));
    expect(await told()).toEqual([['inbox', other.id]]);
  });

  it.each(['budget.threshold_crossed', 'budget.frozen', 'budget.exhausted', 'agent.anomaly_found'])(
    'who are owners or admins hear of %s, which names nobody; nobody hears of what is routine',
    async (type) => {
      const inCharge = [await addMember(db, { role: 'owner' }), await addMember(db, { role: 'admin' })];
      await addMember(db, { role: 'member' });
      await happen(type, { name: 'tight', budgetId: newId() });
      await happen('budget.updated', { name: 'tight' });
      await relay(route({ smtpUrl: undefined }));
      expect((await told()).sort()).toEqual(inCharge.map(({ id }) => ['inbox', id]).sort());
      expect((await rows()).map((row) => row.title)).toEqual([type, type]);
    },
  );

  describe('of an organization whose budget binds all its workspaces', () => {
    const elsewhere = async (slug: string) => {
      const workspaceId = newId();
      await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, $3, $3)`, [
        db.organizationId,
        workspaceId,
        slug,
      ]);
      return { ...db, workspaceId };
    };

    it.each(['budget.threshold_crossed', 'budget.exhausted', 'budget.frozen'])(
      'are told of %s if they are owners or admins anywhere: in each inbox, and once by mail',
      async (type) => {
        const other = await elsewhere('other');
        const [owner, admin] = [await addMember(db, { role: 'owner' }), await addMember(other, { role: 'admin' })];
        await addMember(other, { role: 'member' });
        const again = await addMember(other, { role: 'owner', email: owner.email.toUpperCase() });
        await happen(type, { name: 'all of us', budgetId: newId() }, null);
        await relay();
        expect((await rows()).map((row) => [row.channel, row.member_id, row.workspace_id]).sort()).toEqual(
          [
            ['email', owner.id, db.workspaceId],
            ['email', admin.id, other.workspaceId],
            ['inbox', owner.id, db.workspaceId],
            ['inbox', admin.id, other.workspaceId],
            ['inbox', again.id, other.workspaceId],
          ].sort(),
        );
      },
    );

    it('are told as they wish, also in Slack, where it is that of their own workspace', async () => {
      const other = await elsewhere('other');
      const channel = await addChannel(other, { events: ['task.*'] });
      await addChannel(db, { events: ['task.*'] });
      await addMember(other, { role: 'owner', rules: [{ event: 'budget.*', channels: ['slack'] }] });
      await addMember(db, { role: 'owner', rules: [{ event: 'budget.*', muted: true }] });
      await happen('budget.threshold_crossed', { name: 'all of us' }, null);
      await relay();
      expect(await told()).toEqual([['slack', channel.id]]);
    });
  });

  it('above are told where nobody has the role that is asked, and only there', async () => {
    const [admin, owner] = [await addMember(db, { role: 'admin' }), await addMember(db, { role: 'owner' })];
    await happen('x.y', { recipients: [{ role: 'member' }] });
    await happen('x.y', { recipients: [{ role: 'admin' }], author: { member: admin.id } });
    await happen('x.y', { recipients: [{ role: 'viewer' }] });
    await relay(route({ smtpUrl: undefined }));
    expect((await told()).sort()).toEqual(
      [
        ['inbox', admin.id],
        ['inbox', owner.id],
      ].sort(),
    );
  });

  it.each([[['webhook']], [['agent']], [['email']]])(
    'find what they shall decide in their inbox, whatever channels %p were asked for',
    async (channels) => {
      const { id } = await addMember(db, { role: 'admin' });
      await happen('approval.requested', { recipients: [{ role: 'admin' }], channels });
      await relay(route({ smtpUrl: undefined }));
      expect((await rows()).filter((row) => row.channel === 'inbox').map((row) => row.member_id)).toEqual([id]);
    },
  );

  it('that were removed hear nothing', async () => {
    const { id } = await addMember(db);
    await query(`update members set status = 'removed', email = null where id = $1`, [id]);
    await happen('x.y', { recipients: [{ member: id }, { role: 'member' }] });
    expect(await relay()).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it('that have muted something hear nothing of it, unless it is critical', async () => {
    const { id } = await addMember(db, { rules: [{ event: '*', muted: true }] });
    await happen('x.y', { recipients: [{ member: id }] });
    await relay();
    expect(await rows()).toEqual([]);
    await happen('x.z', { recipients: [{ member: id }], critical: true });
    await relay();
    expect((await rows()).map((row) => [row.channel, row.critical])).toEqual([
      ['email', true],
      ['inbox', true],
    ]);
  });

  it('get no mail in their quiet hours, but after them; their inbox and what is critical do not wait', async () => {
    // Twelve hours around now, by the clocks of UTC.
    const hour = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16);
    const quietHours = { from: hour(-6), to: hour(6), timezone: 'UTC' };
    const { id } = await addMember(db, { quietHours });
    await happen('x.y', { recipients: [{ member: id }] });
    await happen('x.z', { recipients: [{ member: id }], critical: true });
    await relay();
    const mails = (await rows()).filter((row) => row.channel === 'email');
    const waits = mails.map((row) => row.next_attempt_at!.getTime() - Date.now()).sort((a, b) => a - b);
    expect(waits[0]).toBeLessThanOrEqual(0);
    expect(waits[1]).toBeGreaterThan(5.9 * 3_600_000);
    expect((await rows()).filter((row) => row.channel === 'inbox' && row.status === 'delivered')).toHaveLength(2);
  });

  it('that gather get one message of two events of one moment, and another for another type', async () => {
    const { id } = await addMember(db, { rules: [{ event: '*', channels: ['email'], digestSeconds: 3_600 }] });
    for (const type of ['x.y', 'x.y', 'x.z']) await happen(type, { recipients: [{ member: id }], title: type });
    const wakeups = await relay();
    expect(wakeups.map((one) => Math.round(one.delayMs! / 60_000))).toEqual([60, 60]);
    const digests = await rows();
    expect(digests.map((row) => row.digest_key).sort()).toEqual(['x.y', 'x.z']);
    const items = await query<{ n: number }>(
      'select count(*)::int as n from notification_items group by notification_id order by 1',
    );
    expect(items.map((row) => row.n)).toEqual([1, 2]);
    expect(await relay()).toEqual([]);
    expect(await rows()).toHaveLength(2);
  });

  it('get a new digest for what comes once the last one is being sent', async () => {
    const { id } = await addMember(db, { rules: [{ event: '*', channels: ['email'], digestSeconds: 60 }] });
    await happen('x.y', { recipients: [{ member: id }] });
    await relay();
    await query(`update notifications set digest_open = false, status = 'attempted'`);
    const seen = new Set((await events()).map((event) => event.id));
    await happen('x.y', { recipients: [{ member: id }] });
    const news = (await events()).filter((event) => !seen.has(event.id));
    await db.database.inOrganization(db.organizationId, (tx) => route().follow(tx, news));
    expect((await rows()).map((row) => row.status).sort()).toEqual(['attempted', 'queued']);
  });

  it('find it waiting, and not arrived, while the workspace has switched notifications off', async () => {
    await query(`update workspaces set settings = '{"features": {"notifications": false}}'`);
    const { id } = await addMember(db);
    await happen('x.y', { recipients: [{ member: id }] });
    await relay();
    expect((await rows()).map((row) => [row.channel, row.status])).toEqual([
      ['email', 'queued'],
      ['inbox', 'queued'],
    ]);
  });
});

describe('agents and channels', () => {
  it('an agent finds it waiting, for as long as a month, and needs no wake-up', async () => {
    const { id } = await addAgent(db);
    await happen('x.y', { recipients: [{ agent: id }, { agent: newId() }, { agent: 'nobody' }] });
    expect(await relay()).toEqual([]);
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ channel: 'agent', agent_id: id, status: 'queued' });
    expect(row!.next_attempt_at!.getTime() - Date.now()).toBeGreaterThan(29 * 86_400_000);
  });

  it('a channel hears what its patterns select; a disabled one, and one for other events, hear nothing', async () => {
    const { id } = await addChannel(db, { events: ['budget.*'] });
    const mail = await addChannel(db, { to: 'ops@example.com', events: ['budget.frozen'] });
    await addChannel(db, { events: ['task.*'] });
    await addChannel(db, { events: ['*'], status: 'disabled' });
    await happen('budget.frozen', { name: 'tight' });
    await relay();
    expect(await told()).toEqual([
      ['email', mail.id],
      ['slack', id],
    ]);
    expect((await rows())[0]).toMatchObject({ title: 'budget.frozen', text: 'name: tight' });
  });

  it('Slack hears what is sent there by name, once, whatever its patterns', async () => {
    const channels = [await addChannel(db, { events: ['task.*'] }), await addChannel(db, { events: ['*'] })];
    await addChannel(db, { to: 'ops@example.com', events: ['task.*'] });
    const member = await addMember(db);
    await happen('approval.requested', { channels: ['slack'], recipients: [{ member: member.id }] });
    await relay();
    const inSlack = channels.map(({ id }) => ['slack', id]);
    expect((await told()).sort()).toEqual([['inbox', member.id], ...inSlack].sort());
  });

  it('a channel does not hear that it does not hear, but others do', async () => {
    const [deaf, other] = [await addChannel(db), await addChannel(db)];
    await happen('notification.poisoned', { channelId: deaf.id });
    await relay();
    expect(await told()).toEqual([['slack', other.id]]);
  });

  it('hear of budgets of the organization, and not of its other affairs', async () => {
    await addChannel(db);
    await happen('workspace.deleted', {}, null);
    await happen('budget.exhausted', {}, null);
    await relay();
    expect((await rows()).map((row) => row.title)).toEqual(['budget.exhausted']);
  });

  it('are written to once, however often the relay repeats itself', async () => {
    await addChannel(db);
    const { id } = await addMember(db);
    await happen('x.y', { recipients: [{ member: id }] });
    expect(await relay()).toHaveLength(2);
    expect(await relay()).toEqual([]);
    expect(await rows()).toHaveLength(3);
  });
});
