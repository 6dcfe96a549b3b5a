import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { DutiesModule } from '@houston/common/duties/duties.module.js';
import { deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Webhook } from 'standardwebhooks';
import { NotifierModule } from '../../apps/notifier/src/notifier.module.js';
import { DeadLetterBoard } from '../../apps/notifier/src/deliveries/dead-letter-board.js';
import { SchedulerModule } from '../../apps/scheduler/src/scheduler.module.js';
import { addDelivery, addEndpoint } from '../factories/webhooks.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { startReceiver, type ReceivedWebhook, type WebhookReceiver } from '../support/webhook-receiver.js';

const redisUrl = process.env['REDIS_URL'] || '';
const SETTINGS = { WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', WEBHOOK_RETRY_SCHEDULE: '0s,1s,1s', REDIS_URL: redisUrl };

@Module({ imports: [SchedulerModule, DutiesModule] })
class Scheduler {}

@Module({ imports: [NotifierModule, DutiesModule] })
class Notifier {}

interface Delivery {
  id: string;
  eventId: string;
  status: string;
  attempts: { number: number; trigger: string; status?: number; errorClass?: string }[];
}

describe(`webhooks from the API to the receiver, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let db: TestDatabase;
  let gateway: TestGateway;
  let services: INestApplicationContext[];
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    db = await openTestDatabase();
    gateway = await startGateway({ db, env: SETTINGS });
    // The settings are read while an application is made; the workers of one file share its process.
    Object.assign(process.env, SETTINGS, { DATABASE_URL: db.url });
    services = [];
    for (const module of [Scheduler, Notifier, Notifier]) {
      services.push(await NestFactory.createApplicationContext(module, { logger: ['error'] }));
    }
  });
  afterAll(async () => {
    await queues('webhook-deliveries').obliterate({ force: true });
    await queues('dead-letters').obliterate({ force: true });
    for (const service of services) await service.close();
    await gateway.close();
    await db.close();
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const queues = (name: 'webhook-deliveries' | 'dead-letters') =>
    gateway.app.get(QueueProducer, { strict: false }).queue(name);

  async function subscribe(events: string[]): Promise<{ id: string; secret: string }> {
    return bodyOf(await gateway.owner.post('/api/webhooks', { url: receiver.url, events }), 201);
  }

  async function deliveriesOf(webhookId: string): Promise<Delivery[]> {
    const page = await gateway.owner.get(`/api/webhooks/${webhookId}/deliveries`);
    return bodyOf<{ items: Delivery[] }>(page, 200).items;
  }

  const reaches = (webhookId: string, status: string) =>
    until(async () => (await deliveriesOf(webhookId)).find((delivery) => delivery.status === status), 20_000);

  const verified = (secret: string, { body, headers }: ReceivedWebhook) =>
    new Webhook(secret).verify(body, headers as Record<string, string>) as {
      type: string;
      data: Record<string, unknown>;
    };

  it('an alert arrives once, signed, from two notifiers at work', async () => {
    const { id, secret } = await subscribe(['budget.threshold_crossed']);
    bodyOf(
      await gateway.owner.post('/api/budgets', {
        name: 'tight',
        limitUsd: '1',
        period: 'day',
        thresholds: [50],
        level: 'workspace',
      }),
      201,
    );
    const run = bodyOf<{ id: string }>(
      await gateway.owner.post('/api/executions', { agent: 'a', model: 'gpt-4o-mini', estimate: { costUsd: '0.6' } }),
      201,
    );
    bodyOf(
      await gateway.owner.post(`/api/executions/${run.id}/complete`, { status: 'succeeded', costUsd: '0.6' }),
      200,
    );
    const delivery = await reaches(id, 'delivered');
    expect(receiver.received).toHaveLength(1);
    expect(verified(secret, receiver.received[0]!)).toMatchObject({
      type: 'budget.threshold_crossed',
      data: { threshold: 50 },
    });
    expect(receiver.received[0]!.headers['webhook-id']).toBe(`msg_${delivery.eventId.replaceAll('-', '')}`);
  });

  it('a receiver that refuses is tried again by the schedule, then given up, replayed, and served', async () => {
    const { id, secret } = await subscribe(['lease.lost']);
    receiver.answer = (response) => response.writeHead(503).end('busy');
    const { deliveryId } = bodyOf<{ deliveryId: string }>(await gateway.owner.post(`/api/webhooks/${id}/test`), 200);
    const exhausted = await reaches(id, 'exhausted');
    expect(exhausted.attempts.map(({ number, trigger, status }) => [number, trigger, status])).toEqual([
      [1, 'automatic', 503],
      [2, 'automatic', 503],
      [3, 'automatic', 503],
    ]);
    const letters = bodyOf<{ items: { id: string; referenceId: string }[] }>(
      await gateway.owner.get('/api/dead-letters'),
      200,
    );
    const letter = letters.items.find((item) => item.referenceId === deliveryId)!;
    await until(() => queues('dead-letters').getJob(`dead-letter.${letter.id}`));

    receiver.answer = (response) => response.writeHead(204).end();
    bodyOf(await gateway.owner.post(`/api/dead-letters/${letter.id}/replay`), 200);
    await reaches(id, 'delivered');
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map((seen) => seen.headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map((seen) => seen.body)).size).toBe(1);
    verified(secret, receiver.received[3]!);
    expect(await queues('dead-letters').getJob(`dead-letter.${letter.id}`)).toBeUndefined();
    expect((await gateway.owner.post(`/api/dead-letters/${letter.id}/replay`)).status).toBe(409);
  });

  it('what was delivered is sent again on request, signed with both secrets after a rotation', async () => {
    const { id, secret } = await subscribe(['lease.lost']);
    const { deliveryId } = bodyOf<{ deliveryId: string }>(await gateway.owner.post(`/api/webhooks/${id}/test`), 200);
    await reaches(id, 'delivered');
    const rotated = bodyOf<{ secret: string }>(
      await gateway.owner.post(`/api/webhooks/${id}/rotate-secret`),
      200,
    ).secret;
    bodyOf(await gateway.owner.post(`/api/webhooks/${id}/deliveries/${deliveryId}/redeliver`), 200);
    await until(async () => (await deliveriesOf(id))[0]!.attempts.length === 2);
    const [first, second] = receiver.received;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect((await deliveriesOf(id))[0]).toMatchObject({
      status: 'delivered',
      attempts: [{ trigger: 'automatic' }, { trigger: 'manual' }],
    });
    for (const one of [secret, rotated]) verified(one, second!);
    expect(() => verified(rotated, first!)).toThrow();
  });

  it('a queue that was lost is rebuilt: every due delivery arrives', async () => {
    const { id } = await addEndpoint(db, receiver.url, { events: ['none.such'] });
    const due: string[] = [];
    for (let count = 0; count < 20; count += 1) due.push((await addDelivery(db, id)).deliveryId);
    // Their wake-ups were there, and are gone with everything else.
    await queues('webhook-deliveries').pause();
    const producer = gateway.app.get(QueueProducer, { strict: false });
    await producer.add(due.map((deliveryId) => deliveryWakeup({ ...db, deliveryId, endpointId: id, attemptCount: 0 })));
    await queues('webhook-deliveries').obliterate({ force: true });
    expect(receiver.received).toHaveLength(0);
    await queues('webhook-deliveries').resume();
    await until(() => receiver.received.length === 20, 25_000);
    await until(async () => (await deliveriesOf(id)).every((delivery) => delivery.status === 'delivered'));
    expect(receiver.received).toHaveLength(20);
  }, 40_000);

  it('the board of dead letters is rebuilt when it was lost, and shows nothing that is decided', async () => {
    const { id } = await subscribe(['lease.lost']);
    receiver.answer = (response) => response.writeHead(410).end();
    const { deliveryId } = bodyOf<{ deliveryId: string }>(await gateway.owner.post(`/api/webhooks/${id}/test`), 200);
    await reaches(id, 'exhausted');
    const letters = bodyOf<{ items: { id: string; referenceId: string }[] }>(
      await gateway.owner.get('/api/dead-letters'),
      200,
    );
    const letter = letters.items.find((item) => item.referenceId === deliveryId)!;
    await queues('dead-letters').obliterate({ force: true });
    const board = services[1]!.get(DeadLetterBoard, { strict: false });
    await board.runOnce();
    expect((await queues('dead-letters').getJob(`dead-letter.${letter.id}`))?.data).toMatchObject({
      deadLetterId: letter.id,
    });
    await db.database.inWorkspace(db, (tx) =>
      tx.query(
        `update dead_letters set status = 'discarded', resolved_at = now(), resolved_by = 'system' where id = $1`,
        [letter.id],
      ),
    );
    await board.runOnce();
    expect(await queues('dead-letters').getJob(`dead-letter.${letter.id}`)).toBeUndefined();
  });
});
