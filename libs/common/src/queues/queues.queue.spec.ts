import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Module, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Job } from 'bullmq';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { CONFIG } from '../config/config.module.js';
import { QueueBackend } from './queue-backend.js';
import { QueueProducer } from './queue-producer.js';
import { QueuesModule } from './queues.module.js';
import type { Payloads, Wakeup, WakeupOf } from './queues.js';

type Delivery = Payloads['webhook-deliveries'];

/** What it was given, and the gates that keep it busy. */
const seen: Delivery[] = [];
let gate: Promise<void> = Promise.resolve();
let openGate = (): void => undefined;
let failures = 0;

function closeGate(): void {
  gate = new Promise((resolve) => (openGate = resolve));
}

@Processor('webhook-deliveries')
class Deliverer extends WorkerHost {
  async process(job: Job<Delivery>): Promise<void> {
    seen.push(job.data);
    await gate;
    if (failures-- > 0) throw new Error('once more');
  }
}

@Processor('webhook-deliveries')
class SecondDeliverer extends Deliverer {}

const wakeup = (deliveryId: string, more: Partial<WakeupOf<'webhook-deliveries'>> = {}): Wakeup => ({
  queue: 'webhook-deliveries',
  payload: { organizationId: 'o', workspaceId: 'w', deliveryId, endpointId: 'e' },
  id: `delivery-${deliveryId}`,
  ...more,
});

const redisUrl = process.env['REDIS_URL'] || undefined;

describe(`the queues on ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let test: TestDatabase;
  let app: TestingModule;
  let producer: QueueProducer;

  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  beforeEach(() => {
    seen.length = 0;
    gate = Promise.resolve();
    failures = 0;
  });
  afterEach(async () => {
    openGate();
    await producer.queue('webhook-deliveries').drain(true);
    await app.close();
  });

  async function build(...processors: Type[]): Promise<TestingModule> {
    @Module({ imports: [QueuesModule.handling('webhook-deliveries')], providers: processors })
    class App {}
    app = await Test.createTestingModule({ imports: [App] })
      .overrideProvider(CONFIG)
      .useValue({ databaseUrl: test.url, redisUrl })
      .compile();
    producer = app.get(QueueProducer, { strict: false });
    return app;
  }

  async function start(...processors: Type[]): Promise<void> {
    await (await build(...processors)).init();
  }

  it('carries a wake-up to the one processor of its queue', async () => {
    await start(Deliverer);
    expect(app.get(QueueBackend, { strict: false }).name).toBe(redisUrl ? 'redis' : 'postgres');
    await producer.add([wakeup('1'), wakeup('2')]);
    await until(() => seen.length === 2);
    expect(seen.map((payload) => payload.deliveryId).sort()).toEqual(['1', '2']);
  });

  it('does not wake twice for the same id while the first is waiting, and does again once it is done', async () => {
    await start(Deliverer);
    closeGate();
    await producer.add([wakeup('1')]);
    await until(() => seen.length === 1);
    await producer.add([wakeup('1'), wakeup('1')]);
    openGate();
    await until(async () => (await count()) === 0);
    expect(seen).toHaveLength(1);
    await producer.add([wakeup('1')]);
    await until(() => seen.length === 2);
  });

  it('keeps nothing of a job that failed for good, so that its id can wake again', async () => {
    await start(Deliverer);
    failures = 1;
    const queue = producer.queue('webhook-deliveries');
    await queue.add('webhook-deliveries', wakeup('9').payload, {
      ...{ jobId: 'delivery-9', attempts: 1, priority: 30, removeOnFail: true, removeOnComplete: true },
    });
    await until(async () => seen.length === 1 && (await count()) === 0);
    await producer.add([wakeup('9')]);
    await until(() => seen.length === 2);
  });

  it('tries again when the processor throws', async () => {
    await start(Deliverer);
    failures = 1;
    await producer.add([wakeup('5')]);
    await until(() => seen.length === 2, 10_000);
  });

  it('takes up work again after all its jobs were lost', async () => {
    await start(Deliverer);
    await producer.queue('webhook-deliveries').obliterate({ force: true });
    await producer.add([wakeup('7')]);
    await until(() => seen.length === 1);
  });

  it('runs urgent wake-ups before those that were there first', async () => {
    await build(Deliverer);
    producer.onModuleInit();
    await producer.add([
      wakeup('low', { priority: 'low' }),
      wakeup('normal'),
      wakeup('urgent', { priority: 'urgent' }),
    ]);
    closeGate();
    await app.init();
    await until(() => seen.length === 3);
    expect(seen.map((payload) => payload.deliveryId)).toEqual(['urgent', 'normal', 'low']);
  });

  it('refuses an id that the library would misread', async () => {
    await start(Deliverer);
    await expect(producer.add([wakeup('1', { id: 'a:b' })])).rejects.toThrow(/cannot name/);
    await expect(producer.add([wakeup('1', { id: '42' })])).rejects.toThrow(/cannot name/);
  });

  it('refuses to start an app that does not work on a queue it has to work on', async () => {
    await build();
    await expect(app.init()).rejects.toThrow('queue webhook-deliveries has no processor');
  });

  it('refuses to start an app with two processors for one queue', async () => {
    await build(Deliverer, SecondDeliverer);
    await expect(app.init()).rejects.toThrow('queue webhook-deliveries has 2 processors');
  });

  async function count(): Promise<number> {
    const counts = await producer.queue('webhook-deliveries').getJobCounts();
    return Object.values(counts).reduce((sum, value) => sum + value, 0);
  }
});
