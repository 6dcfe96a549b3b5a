import { DutiesModule } from '@houston/common/duties/duties.module.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NotifierModule } from '../../apps/notifier/src/notifier.module.js';
import { SchedulerModule } from '../../apps/scheduler/src/scheduler.module.js';
import { addChannel, addMember } from '../factories/notifications.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { type MailServer, startMailServer } from '../support/mail-server.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const redisUrl = process.env['REDIS_URL'] || '';

@Module({ imports: [SchedulerModule, DutiesModule] })
class Scheduler {}

@Module({ imports: [NotifierModule, DutiesModule] })
class Notifier {}

describe(`notifications from an event to a person, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let db: TestDatabase;
  let gateway: TestGateway;
  let services: INestApplicationContext[];
  let slack: WebhookReceiver;
  let mail: MailServer;

  beforeAll(async () => {
    db = await openTestDatabase();
    mail = await startMailServer();
    const settings = {
      ...{ WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', NOTIFY_RETRY_SCHEDULE: '0s,1s,1s', REDIS_URL: redisUrl },
      ...{ SMTP_URL: mail.url, SMTP_FROM: 'houston@example.com' },
    };
    gateway = await startGateway({ db, env: settings });
    // The settings are read while an application is made; the workers of one file share its process.
    Object.assign(process.env, settings, { DATABASE_URL: db.url });
    services = [];
    for (const module of [Scheduler, Notifier, Notifier]) {
      services.push(await NestFactory.createApplicationContext(module, { logger: ['error'] }));
    }
  });
  afterAll(async () => {
    for (const name of ['notifications', 'dead-letters'] as const) await queue(name).obliterate({ force: true });
    for (const service of services) await service.close();
    await gateway.close();
    await mail.close();
    await db.close();
  });
  beforeEach(async () => {
    slack = await startReceiver();
    slack.answer = (response) => response.writeHead(200).end('ok');
    mail.received.length = 0;
  });
  afterEach(() => slack.close());

  const queue = (name: 'notifications' | 'dead-letters') =>
    gateway.app.get(QueueProducer, { strict: false }).queue(name);
  const query = <T>(sql: string, parameters: unknown[] = []) =>
    db.database.inWorkspace(db, (tx) => tx.query<T>(sql, parameters));
  const happen = (type: string, data: Record<string, unknown>) =>
    db.database.inWorkspace(db, (tx) => appendEvent(tx, { type, actor: 'system', subject: 'thing:1', data }));
  const statusesOf = async (type: string) =>
    (await query<{ status: string }>('select status from notifications where event_type = $1', [type])).map(
      (row) => row.status,
    );
  const idsSeen = () => slack.received.map(({ headers }) => headers['x-houston-notification']);

  it('one event reaches a member by mail and inbox and a channel in Slack, each once, from two notifiers at work', async () => {
    const { id, email } = await addMember(db);
    await addChannel(db, { url: slack.url, events: ['e2e.once'] });
    const key = await gateway.owner.post('/api/keys', { name: 'k', role: 'member', member: id });
    const client = gateway.as(bodyOf<{ key: string }>(key, 201).key);
    await happen('e2e.once', { recipients: [{ member: id }], title: 'Look here', text: 'Please.' });
    await until(async () => {
      const statuses = await statusesOf('e2e.once');
      return statuses.length === 3 && statuses.every((status) => status === 'delivered');
    }, 20_000);
    expect(mail.received.map(({ to, headers }) => [to, headers.get('subject')])).toEqual([[[email], 'Look here']]);
    expect(slack.received).toHaveLength(1);
    const inbox = bodyOf<{ items: { title: string }[] }>(await client.get('/api/inbox?unread=true'), 200);
    expect(inbox.items.map((item) => item.title)).toEqual(['Look here']);
  });

  it('two events of one moment that are gathered come as one message with both', async () => {
    const rules = [{ event: 'e2e.gathered', channels: ['email' as const], digestSeconds: 2 }];
    const { id, email } = await addMember(db, { rules });
    await db.database.inWorkspace(db, async (tx) => {
      for (const title of ['First', 'Second']) {
        const data = { recipients: [{ member: id }], title };
        await appendEvent(tx, { type: 'e2e.gathered', actor: 'system', subject: 'thing:1', data });
      }
    });
    await until(async () => (await statusesOf('e2e.gathered'))[0] === 'delivered', 20_000);
    const toThem = mail.received.filter(({ to }) => to.includes(email));
    expect(toThem).toHaveLength(1);
    expect(toThem[0]!.body).toMatch(/First\s+Second/);
  });

  it('what fails is tried by the schedule, poisoned, told in the feed, replayed, and arrives under the same id', async () => {
    await addChannel(db, { url: slack.url, events: ['e2e.poisoned'] });
    slack.answer = (response) => response.writeHead(500).end('rollup_error');
    await happen('e2e.poisoned', {});
    await until(async () => (await statusesOf('e2e.poisoned'))[0] === 'poisoned', 20_000);
    expect(slack.received).toHaveLength(3);
    const feed = bodyOf<{ items: object[] }>(await gateway.owner.get('/api/events?type=notification.poisoned'), 200);
    expect(feed.items).toHaveLength(1);
    const letters = bodyOf<{ items: { id: string }[] }>(
      await gateway.owner.get('/api/dead-letters?kind=notification'),
      200,
    );
    await until(() => queue('dead-letters').getJob(`dead-letter.${letters.items[0]!.id}`));
    slack.answer = (response) => response.writeHead(200).end('ok');
    bodyOf(await gateway.owner.post(`/api/dead-letters/${letters.items[0]!.id}/replay`), 200);
    await until(async () => (await statusesOf('e2e.poisoned'))[0] === 'delivered', 20_000);
    expect(new Set(idsSeen()).size).toBe(1);
  });

  it('what is switched off waits, and goes out when it is switched on again', async () => {
    const { workspaceId } = db;
    await addChannel(db, { url: slack.url, events: ['e2e.paused'] });
    const set = (notifications: boolean) =>
      gateway.owner.patch(`/api/workspaces/${workspaceId}`, { settings: { features: { notifications } } });
    bodyOf(await set(false), 200);
    await happen('e2e.paused', {});
    await until(async () => (await statusesOf('e2e.paused')).length === 1, 20_000);
    const [wakeup] = await query<{ id: string }>(`select id from notifications where event_type = 'e2e.paused'`);
    await until(async () => !(await queue('notifications').getJob(`notification.${wakeup!.id}.0`)), 20_000);
    expect([await statusesOf('e2e.paused'), slack.received]).toEqual([['queued'], []]);
    bodyOf(await set(true), 200);
    await until(async () => (await statusesOf('e2e.paused'))[0] === 'delivered', 30_000);
    expect(slack.received).toHaveLength(1);
  }, 90_000);

  it('a queue that was lost with 1,000 that are due is made good: all arrive, each once', async () => {
    const { id } = await addChannel(db, { url: slack.url, events: ['none.such'] });
    await queue('notifications').pause();
    const rows = await query<{ id: string }>(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, channel_id, title, text,
                                  subject, next_attempt_at)
       select $1, $2, gen_random_uuid(), gen_random_uuid(), 'e2e.flushed', 'slack', $3, 't', '', 's:1', now()
         from generate_series(1, 1000) returning id`,
      [db.organizationId, db.workspaceId, id],
    );
    const producer = gateway.app.get(QueueProducer, { strict: false });
    await producer.add(
      rows.map((row) =>
        notificationWakeup({ ...db, notificationId: row.id, channel: 'slack', channelId: id, attemptCount: 0 }),
      ),
    );
    await queue('notifications').obliterate({ force: true });
    expect(slack.received).toHaveLength(0);
    const lostAt = Date.now();
    await queue('notifications').resume();
    await until(async () => (await statusesOf('e2e.flushed')).every((status) => status === 'delivered'), 300_000);
    console.info(`1,000 notifications arrived ${Date.now() - lostAt} ms after the queue was lost`);
    expect(idsSeen()).toHaveLength(1_000);
    expect(new Set(idsSeen()).size).toBe(1_000);
  }, 330_000);
});
