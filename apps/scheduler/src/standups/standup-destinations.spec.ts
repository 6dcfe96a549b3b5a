import type { HoustonConfig } from '@houston/common/config/config.js';
import { readEvents } from '@houston/common/events/event-reader.js';
import { standupReport } from '@houston/common/standups/standup-report.js';
import { keepStandup } from '@houston/common/standups/standup.store.js';
import { v7 as newId } from 'uuid';
import { addChannel } from '../../../../test/factories/notifications.js';
import { addEndpoint } from '../../../../test/factories/webhooks.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { NotificationRoute } from '../routing/notification-route.js';
import { NotificationRouteStore } from '../routing/notification-route.store.js';
import { DeliveryWriter } from '../routing/delivery-writer.js';
import { FanOutStore } from '../routing/fan-out.store.js';
import { WebhookRoute } from '../routing/webhook-route.js';
import { WebhookRouteStore } from '../routing/webhook-route.store.js';

describe('a stand-up', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  const query = <Row>(sql: string) => db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql));

  it('goes once to each webhook and channel that is subscribed to stand-ups, and to no other', async () => {
    const hooks = [await addEndpoint(db, 'https://example.com/a', { events: ['standup.*'] })];
    hooks.push(await addEndpoint(db, 'https://example.com/b', { events: ['*'] }));
    await addEndpoint(db, 'https://example.com/c', { events: ['budget.*'] });
    const channels = [
      await addChannel(db, { events: ['standup.*'] }),
      await addChannel(db, { to: 'team@example.com' }),
    ];
    await addChannel(db, { events: ['task.*'] });
    const id = newId();
    await db.database.inWorkspace(db, async (tx) => {
      const report = await standupReport(tx, { id: db.workspaceId, name: 'Default', timezone: 'UTC' });
      await keepStandup(tx, { id: db.workspaceId, settings: {} }, report, {
        id,
        tickAt: null,
        origin: 'manual',
        createdBy: 'system',
      });
    });
    await untilSettled(db.database, db.organizationId);
    const config = {
      webhookRetryScheduleMs: [0],
      notifyRetryScheduleMs: [0],
      smtpUrl: 'smtp://localhost',
    } as HoustonConfig;
    const store = new WebhookRouteStore();
    const routes = [
      new WebhookRoute(store, new DeliveryWriter(store, new FanOutStore(), config)),
      new NotificationRoute(new NotificationRouteStore(), config),
    ];
    // The relay may repeat what it was stopped in.
    for (const route of [...routes, ...routes]) {
      await db.database.inOrganization(db.organizationId, async (tx) => {
        const events = await readEvents(tx, { position: '0', seq: '0' }, 100);
        await route.follow(
          tx,
          events.filter((event) => event.type === 'standup.sent'),
        );
      });
    }
    const told = await query<{ endpoint_id: string }>('select endpoint_id from deliveries');
    expect(told.map((row) => row.endpoint_id).sort()).toEqual(hooks.map((hook) => hook.id).sort());
    const notified = await query<{ channel_id: string; title: string; refs: object }>(
      'select channel_id, title, refs from notifications',
    );
    expect(notified.map((row) => row.channel_id).sort()).toEqual(channels.map((channel) => channel.id).sort());
    expect(notified[0]).toMatchObject({
      title: expect.stringMatching(/^Stand-up of Default, /),
      refs: { standupId: id },
    });
  });
});
