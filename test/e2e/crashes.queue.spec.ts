import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { firstRun } from '@houston/common/auth/first-run.js';
import { connect } from '@houston/common/db/data-source.js';
import { Database } from '@houston/common/db/database.js';
import { migrate } from '@houston/common/db/migrate.js';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import type { DataSource } from 'typeorm';
import { faultsInAlerts, faultsInBooks, repeatedAlerts } from '../support/books.js';
import { administer } from '../support/database.js';
import { PersistentClient } from '../support/persistent-client.js';
import { type PostgresProcess, startPostgres } from '../support/postgres-process.js';
import { ensureBuilt, type ServiceName, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const CLIENTS = 6;
const SERVICES: ServiceName[] = ['gateway', 'budget', 'scheduler', 'notifier'];
const CLAIM_SECONDS = 60;
// A database of its own in the shared Redis, so that it can be emptied.
const redisUrl = process.env['REDIS_URL'] ? `${process.env['REDIS_URL']}/7` : '';

describe(`crashes in the middle of load, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'houston-crash-'));
  const services = new Map<ServiceName, ServiceProcess>();
  let postgres: PostgresProcess;
  let dataSource: DataSource;
  let where: { database: Database; organizationId: string };
  let receiver: WebhookReceiver;
  let client: PersistentClient;
  let secret: string;
  let load: Promise<unknown>;
  let over = false;

  /** What was acknowledged: execution by Idempotency-Key, and cost by execution. */
  const admitted = new Map<string, string>();
  const settled = new Map<string, string>();

  beforeAll(async () => {
    ensureBuilt();
    postgres = await startPostgres({ dataDir });
    await migrate(postgres.url);
    const { ownerKey } = await firstRun(postgres.url);
    dataSource = await connect(postgres.url);
    const database = new Database(dataSource);
    const [organizationId = ''] = await database.organizationIds();
    where = { database, organizationId };
    const env = {
      ...{ DATABASE_URL: postgres.url, REDIS_URL: redisUrl, WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' },
      WEBHOOK_RETRY_SCHEDULE: `0s${',1s'.repeat(30)}`,
    };
    await Promise.all(SERVICES.map(async (name) => services.set(name, await startService(name, env))));
    receiver = await startReceiver();
    let turn = 0;
    receiver.answer = (response) => response.writeHead((turn += 1) % 4 === 0 ? 500 : 204).end();
    client = new PersistentClient(services.get('gateway')!.url, ownerKey!);
    const endpoint = { url: receiver.url, events: ['budget.threshold_crossed', 'budget.exhausted'] };
    secret = String((await client.post('/api/webhooks', endpoint)).body['secret']);
    await budget({ name: 'ample', level: 'organization', limitUsd: '1000', mode: 'enforce' });
    load = Promise.all(Array.from({ length: CLIENTS }, (_, number) => work(number)));
    load.catch(() => undefined);
  }, 60_000);

  afterAll(async () => {
    over = true;
    await load.catch(() => undefined); // a failed one has failed its tests already
    await Promise.all([...services.values()].map((service) => service.stop()));
    await receiver.close();
    await dataSource.destroy();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }, 30_000);

  const inLedger = <Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    where.database.inOrganization(where.organizationId, (tx) => tx.query<Row>(sql, parameters));

  const budget = async (fields: Record<string, unknown>) => {
    const body = { period: 'month', thresholds: [50, 75, 90], ...fields };
    expect((await client.post('/api/budgets', body, `budget ${String(fields['name'])}`)).status).toBe(201);
  };

  async function work(number: number): Promise<void> {
    for (let n = 0; !over; n += 1) {
      const key = `run ${number}.${n}`;
      const body = {
        agent: `agent-${number}`,
        model: 'any',
        estimate: { costUsd: '0.02' },
        holdSeconds: 4,
        tags: { key },
      };
      const answer = await client.post('/api/executions', body, key);
      if (answer.status !== 201) throw new Error(`${key}: ${JSON.stringify(answer)}`);
      const id = String(answer.body['id']);
      admitted.set(key, id);
      // Some agents are never heard of again.
      if (n % 5 !== 4) await settle(id);
      await delay(10);
    }
  }

  async function settle(id: string): Promise<void> {
    const answer = await client.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd: '0.01' });
    if (answer.status !== 200) throw new Error(`${id}: ${JSON.stringify(answer)}`);
    settled.set(id, String(answer.body['costUsd']));
  }

  /** Resolves when so many more runs were settled; rejects when a client met what it never should. */
  const progress = async (runs: number) => {
    const goal = settled.size + runs;
    await Promise.race([until(() => settled.size >= goal, 30_000), load]);
  };

  /** A new budget whose thresholds the load is about to cross, then the blow, then life goes on. */
  const strike = async (name: string, blow: () => Promise<void>) => {
    await budget({ name, level: 'workspace', limitUsd: '0.2', mode: 'observe' });
    await progress(6);
    await blow();
    await progress(30);
  };

  /** Attempts that died keep their claim for a minute; this is that minute. */
  const passAMinute = (since: number) =>
    inLedger(
      `update idempotency_keys set locked_until = now() - interval '1 second'
        where status is null and locked_until < to_timestamp($1) + make_interval(secs => $2)`,
      [since / 1000, CLAIM_SECONDS],
    );

  it.each(SERVICES)('the %s is killed and comes back', async (name) => {
    await strike(name, async () => {
      await services.get(name)!.kill();
      const killedAt = Date.now();
      await passAMinute(killedAt);
      await services.get(name)!.start();
    });
  });

  it.each([
    ['in order', () => postgres.stop()],
    ['at once', () => postgres.stopAtOnce()],
  ])('Postgres is stopped %s and comes back, and no service dies of it', async (how, stop) => {
    const pids = () => [...services.values()].map(({ pid }) => pid);
    const before = pids();
    await strike(`postgres ${how}`, async () => {
      await stop();
      postgres = await startPostgres({ dataDir, port: postgres.port });
      await passAMinute(Date.now());
    });
    for (const pid of before) expect(() => process.kill(pid, 0)).not.toThrow();
  });

  it('the queue is lost', async () => {
    await strike('queue', emptyQueue);
  });

  async function emptyQueue(): Promise<void> {
    if (redisUrl) {
      const redis = new Redis(redisUrl);
      await redis.flushdb();
      await redis.quit();
      return;
    }
    await administer(postgres.url, async (server) => {
      const { rows } = await server.query<{ name: string }>(
        `select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
      );
      await server.query(`truncate ${rows.map(({ name }) => name).join(', ')}`);
    });
  }

  describe('and when all is quiet again', () => {
    beforeAll(async () => {
      over = true;
      await load;
    }, 60_000);

    it('every acknowledged answer is on record exactly once', async () => {
      expect(client.unanswered).toBeGreaterThan(0);
      const rows = await inLedger<{ key: string; ids: string[] }>(
        `select tags ->> 'key' as key, array_agg(id) as ids from executions group by 1`,
      );
      expect(new Map(rows.map(({ key, ids }) => [key, ids.join()]))).toEqual(admitted);
      const costs = await inLedger<{ id: string; nano: string }>(
        `select id, cost_nano as nano from executions where status = 'succeeded'`,
      );
      expect(new Set(costs.map(({ id }) => id))).toEqual(new Set(settled.keys()));
      expect(new Set(costs.map(({ nano }) => nano))).toEqual(new Set(['10000000']));
      expect(new Set(settled.values())).toEqual(new Set(['0.01']));
    });

    it('every hold is resolved, and the books balance', async () => {
      await until(
        async () => (await inLedger(`select 1 from executions where status = 'admitted'`)).length === 0,
        20_000,
      );
      expect(await faultsInBooks(where)).toEqual([]);
      expect((await client.post('/api/ledger/verify', {})).body).toMatchObject({ ok: true });
    });

    it('every alert was told once, and has arrived, signed', async () => {
      expect(await faultsInAlerts(where)).toEqual([]);
      expect(await repeatedAlerts(where)).toEqual([]);
      const events = await inLedger<{ id: string }>(
        `select id from events where type in ('budget.threshold_crossed', 'budget.exhausted')`,
      );
      expect(events).toHaveLength(4 * 7);
      const told = new Set(events.map(({ id }) => `msg_${id.replaceAll('-', '')}`));
      const ids = () => new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
      await until(() => ids().size >= told.size, 60_000);
      expect(ids()).toEqual(told);
      const bodies = new Map(receiver.received.map(({ headers, body }) => [headers['webhook-id'], body]));
      for (const { headers, body } of receiver.received) {
        expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toBeTruthy();
        expect(body).toBe(bodies.get(headers['webhook-id']));
      }
      await until(
        async () => (await inLedger(`select 1 from deliveries where status <> 'delivered'`)).length === 0,
        30_000,
      );
    }, 90_000);

    it('the chain of events is unbroken', async () => {
      const gateway = services.get('gateway')!;
      const response = await fetch(`${gateway.url}/api/audit/verify`, { headers: client.headers });
      expect(await response.json()).toMatchObject({ ok: true });
    });
  });
});
