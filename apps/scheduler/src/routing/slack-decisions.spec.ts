import type { HoustonConfig } from '@houston/common/config/config.js';
import { type LedgerEvent, readEvents } from '@houston/common/events/event-reader.js';
import { requestApproval } from '../../../../test/factories/approval.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { addChannel } from '../../../../test/factories/notifications.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { NotificationRoute } from './notification-route.js';
import { NotificationRouteStore } from './notification-route.store.js';

interface Row {
  channel_id: string;
  event_type: string;
  title: string;
  text: string;
}

describe('Slack channels in which an approval was asked', () => {
  let gateway: TestGateway;
  let agent: ApiClient;
  let channelId: string;
  const route = new NotificationRoute(new NotificationRouteStore(), { notifyRetryScheduleMs: [0] } as HoustonConfig);

  beforeEach(async () => {
    gateway = await startGateway();
    agent = gateway.as(await gateway.key({ role: 'agent', agentId: (await insertAgent(gateway.db)).id }));
    channelId = (await addChannel(gateway.db, { events: ['task.*'], signingSecret: 's' })).id;
  });
  afterEach(() => gateway.close());

  const query = <T>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<T>(sql, parameters));
  const relay = async (change: (event: LedgerEvent) => LedgerEvent = (event) => event) => {
    await untilSettled(gateway.db.database, gateway.db.organizationId);
    await gateway.db.database.inOrganization(gateway.db.organizationId, async (tx) => {
      const events = await readEvents(tx, { position: '0', seq: '0' }, 200);
      await route.follow(tx, events.map(change));
    });
  };
  const inSlack = () =>
    query<Row>(
      `select channel_id, event_type, title, text from notifications where channel = 'slack'
        order by event_type, channel_id`,
    );
  const ask = () => requestApproval(agent, { channels: ['slack'], assignees: [{ role: 'admin' }] });
  const decide = async (id: string, decision = 'approve') =>
    bodyOf(await gateway.owner.post(`/api/approvals/${id}/resolve`, { decision, comment: 'Go on' }), 200);

  it('hear below what was decided elsewhere and by whom, once, however often the relay repeats itself', async () => {
    const other = await addChannel(gateway.db, { events: ['approval.requested'] });
    await addChannel(gateway.db, { events: ['task.*'], status: 'disabled' });
    const { id } = await ask();
    await relay();
    await decide(id);
    await relay();
    await relay();
    const told = (await inSlack()).filter(({ event_type }) => event_type === 'approval.resolved');
    expect(told.map((row) => row.channel_id).sort()).toEqual([channelId, other.id].sort());
    expect(told[0]).toMatchObject({ title: 'send_email: approved' });
    expect(told[0]?.text).toMatch(/^Decided by .+: approved\.\nGo on$/);
  });

  it('hear it once where they would hear of the decision anyway', async () => {
    const all = await addChannel(gateway.db, { events: ['*'] });
    const { id } = await ask();
    await relay();
    await decide(id, 'reject');
    await relay();
    const told = (await inSlack()).filter((row) => row.channel_id === all.id && row.event_type === 'approval.resolved');
    expect(told).toMatchObject([{ title: 'send_email: rejected' }]);
  });

  it('hear that it was taken back, too', async () => {
    const { id } = await ask();
    await relay();
    bodyOf(await agent.post(`/api/approvals/${id}/cancel`, {}), 200);
    await relay();
    expect((await inSlack()).map((row) => row.event_type)).toEqual(['approval.cancelled', 'approval.requested']);
  });

  it('hear nothing of what was asked elsewhere, nor below the message whose button was pressed', async () => {
    const { id: silent } = await requestApproval(agent, { channels: ['webhook'] });
    const { id } = await ask();
    await relay();
    await decide(silent);
    await decide(id);
    const pressed = (event: LedgerEvent): LedgerEvent =>
      event.type === 'approval.resolved' ? { ...event, data: { ...event.data, slackChannelId: channelId } } : event;
    await relay(pressed);
    expect((await inSlack()).map((row) => row.event_type)).toEqual(['approval.requested']);
    // Of several messages only one was edited.
    await query(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, channel_id, title, text, subject,
                                  refs, next_attempt_at)
       select organization_id, workspace_id, gen_random_uuid(), gen_random_uuid(), 'approval.reminded', channel, channel_id, title,
              text, subject, refs, now() from notifications where channel = 'slack'`,
    );
    await relay(pressed);
    expect((await inSlack()).map((row) => row.event_type)).toContain('approval.resolved');
  });
});
