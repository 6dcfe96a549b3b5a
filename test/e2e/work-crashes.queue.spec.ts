import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { firstRun } from '@houston/common/auth/first-run.js';
import { migrate } from '@houston/common/db/migrate.js';
import { Redis } from 'ioredis';
import { Diary } from '../../bench/simulate/diary.js';
import { Fleet } from '../../bench/simulate/fleet.js';
import { gather } from '../../bench/simulate/gather.js';
import { chance, clockOffsetMs } from '../../bench/simulate/mischief.js';
import { Mission } from '../../bench/simulate/mission.js';
import { type Evidence, judge } from '../../bench/simulate/promises.js';
import type { Assignment } from '../../bench/simulate/worker.js';
import { administer } from '../support/database.js';
import { type PostgresProcess, startPostgres } from '../support/postgres-process.js';
import { ensureBuilt, type ServiceName, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const AGENTS = 4;
const SLOTS = 2;
const SERVICES: ServiceName[] = ['gateway', 'scheduler', 'notifier'];
const LEASE_TTL_SECONDS = 2;
const BAD_SHARE = 0.2;
/** Tasks that wait or are worked on at the same time. */
const OPEN_TASKS = 12;
const CLAIM_SECONDS = 60;
const PATIENCE_MS = 60_000;
const PROGRAMS = path.join(process.cwd(), 'dist', 'bench', 'simulate');
// A database of its own in the shared Redis, so that it can be emptied.
const redisUrl = process.env['REDIS_URL'] ? `${process.env['REDIS_URL']}/8` : '';

describe(`crashes in the middle of work, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'houston-work-'));
  const diary = new Diary(path.join(dataDir, 'diary'));
  const seed = String(Date.now());
  const services = new Map<ServiceName, ServiceProcess>();
  let environment: Record<string, string>;
  let postgres: PostgresProcess;
  let mission: Mission;
  let fleet: Fleet;
  let receiver: WebhookReceiver;
  let load: Promise<void>;
  let put = 0;
  let over = false;

  beforeAll(async () => {
    ensureBuilt();
    postgres = await startPostgres({ dataDir });
    await migrate(postgres.url);
    const { ownerKey } = await firstRun(postgres.url);
    environment = {
      ...{ DATABASE_URL: postgres.url, REDIS_URL: redisUrl, WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' },
      WEBHOOK_RETRY_SCHEDULE: `0s${',1s'.repeat(30)}`,
    };
    await Promise.all(SERVICES.map(async (name) => services.set(name, await startService(name, environment))));
    receiver = await startReceiver();
    const house = new Mission(services.get('gateway')!.url, ownerKey!);
    // Agents die of the suite here, not of their tasks.
    const settings = { leaseTtlSeconds: LEASE_TTL_SECONDS, progressTimeoutSeconds: 4, poisonAfter: 1_000 };
    await house.post('/api/workspaces', { name: 'Crashes', slug: 'crashes', settings });
    mission = house.in('crashes');
    await mission.post('/api/webhooks', { url: receiver.url, events: ['task.dead'] });
    fleet = await hire();
    fleet.start();
    load = work();
    load.catch(() => undefined); // a failed one fails the tests that wait for it
  }, 90_000);

  afterAll(async () => {
    over = true;
    await fleet.stop();
    await Promise.all([...services.values()].map((service) => service.stop()));
    await load.catch(() => undefined);
    await receiver.close();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }, 60_000);

  async function hire(): Promise<Fleet> {
    const orders = [];
    for (let n = 0; n < AGENTS; n += 1) {
      const name = `worker-${n}`;
      // They fail on purpose: a breaker would only make the suite wait.
      const breaker = { failureRate: 1, minimumTasks: 100, unansweredOffers: 100 };
      const { id } = await mission.post<{ id: string }>('/api/agents', { name, maxConcurrent: SLOTS, breaker });
      orders.push({
        ...{ url: mission.url, key: mission.key, workspace: 'crashes', agentId: id, name, slots: SLOTS },
        ...{ transport: 'socket' as const, seed, share: BAD_SHARE, diaryFile: path.join(dataDir, 'diary') },
      });
    }
    const standStillMs = 2 * LEASE_TTL_SECONDS * 1_000;
    return new Fleet(orders, {
      programs: PROGRAMS,
      standStillMs,
      clockOffsetMs: (agent) => clockOffsetMs(seed, agent),
    });
  }

  /** Puts in task after task, as fast as they are done. */
  async function work(): Promise<void> {
    for (; !over; await delay(20)) {
      if (put - reported() >= OPEN_TASKS) continue;
      const drawn = chance(seed, 'fate', put);
      const fate = drawn < 0.05 ? 'flaky' : drawn < 0.1 ? 'hopeless' : 'done';
      await putTask({ n: put, fate, workMs: 20 + 100 * chance(seed, 'work', put) });
    }
  }

  async function putTask(payload: Assignment): Promise<string> {
    put += 1;
    const retryPolicy = {
      initialInterval: 0.1,
      maximumInterval: 0.5,
      maximumAttempts: payload.fate === 'flaky' ? 3 : 50,
    };
    const { id } = await mission.post<{ id: string }>('/api/tasks', {
      title: `Task ${payload.n}`,
      payload,
      retryPolicy,
    });
    return id;
  }

  /** Attempts whose report counted; a flaky task has several. */
  const reported = () => new Set(diary.read().flatMap((line) => (line.what === 'accepted' ? [line.taskId] : []))).size;

  /** Resolves when so many more tasks were reported on; rejects when a task could not even be put in. */
  const progress = async (tasks: number) => {
    const goal = reported() + tasks;
    const isThere = until(async () => (await delay(50), reported() >= goal), PATIENCE_MS);
    await Promise.race([isThere, load.then(() => isThere)]);
  };

  /** Work goes on, then the blow, at a moment that nobody has chosen, and work goes on. */
  const strike = async (blow: () => Promise<unknown>) => {
    await progress(3);
    await delay(300 * Math.random());
    await blow();
    await progress(12);
  };

  /** Attempts at a request that died keep its Idempotency-Key for a minute; this is that minute. */
  const passAMinute = (since: number) =>
    administer(postgres.url, (server) =>
      server.query(
        `update idempotency_keys set locked_until = now() - interval '1 second'
          where status is null and locked_until < to_timestamp($1) + make_interval(secs => $2)`,
        [since / 1_000, CLAIM_SECONDS],
      ),
    );

  it('a scheduler whose clock is two minutes ahead refuses to start', async () => {
    const clock = path.join(PROGRAMS, 'shifted-clock.js');
    const ahead = { ...environment, NODE_OPTIONS: `--import ${clock}`, CLOCK_OFFSET_MS: '120000' };
    const behind = { ...ahead, CLOCK_OFFSET_MS: '-120000' };
    await Promise.all([
      expect(startService('scheduler', ahead)).rejects.toThrow(/clock is 1[12]\d\d\d\d ms off the database's/),
      expect(startService('scheduler', behind)).rejects.toThrow(/clock is -1[12]\d\d\d\d ms off the database's/),
    ]);
  }, 90_000);

  it.each<ServiceName>(['scheduler', 'gateway'])(
    'the %s is killed and comes back',
    async (name) => {
      await strike(async () => {
        await services.get(name)!.kill();
        await passAMinute(Date.now());
        await delay(500 * Math.random());
        await services.get(name)!.start();
      });
    },
    PATIENCE_MS * 2,
  );

  it(
    'agents are killed one after the other',
    async () => {
      for (let number = 0; number < AGENTS; number += 1) {
        await progress(2);
        await delay(100 * Math.random());
        fleet.kill(number);
      }
      await progress(12);
    },
    PATIENCE_MS * 2,
  );

  it(
    'an agent stands still until its lease is over, and what it writes then counts for nothing',
    async () => {
      // Several: what else an agent does may kill it while it stands still, and then it writes nothing.
      const hanging = () => putTask({ n: put, fate: 'done', workMs: 50, first: 'hangs' });
      const ids = [await hanging(), await hanging(), await hanging()];
      const lines = (id: string, what: string) =>
        diary.read().filter((line) => line.taskId === id && line.what === what);
      const id = await until(
        async () =>
          ids.find(
            (one) => lines(one, 'refused').some(({ fence }) => fence === 1) && lines(one, 'accepted').length > 0,
          ),
        PATIENCE_MS,
      );
      expect(lines(id, 'refused')).toContainEqual(expect.objectContaining({ fence: 1, mischief: 'hangs' }));
      const [accepted] = lines(id, 'accepted');
      expect(accepted!.fence).toBeGreaterThan(1);
      const task = await mission.get(`/api/tasks/${id}`);
      expect(task).toMatchObject({ status: 'done', result: { agent: accepted!.agent, fence: accepted!.fence } });
    },
    PATIENCE_MS,
  );

  it.each([
    ['in order', () => postgres.stop()],
    ['at once', () => postgres.stopAtOnce()],
  ])(
    'Postgres is stopped %s and comes back, and no service dies of it',
    async (_how, stop) => {
      const before = [...services.values()].map(({ pid }) => pid);
      await strike(async () => {
        await stop();
        postgres = await startPostgres({ dataDir, port: postgres.port });
        await passAMinute(Date.now());
      });
      for (const pid of before) expect(() => process.kill(pid, 0)).not.toThrow();
    },
    PATIENCE_MS * 2,
  );

  it(
    'the queue is lost',
    async () => {
      await strike(emptyQueue);
    },
    PATIENCE_MS * 2,
  );

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
    let evidence: Evidence;

    beforeAll(async () => {
      over = true;
      await load;
      const isOver = async () => {
        const open = await mission.all('/api/tasks?status=inbox,assigned,in_progress,blocked,review');
        return open.length === 0 || (await delay(200), false);
      };
      await until(isOver, PATIENCE_MS);
      evidence = await gather(mission, { put, diary: diary.read(), deaths: fleet.deaths });
    }, PATIENCE_MS * 2);

    it('every task is done or among the dead letters, each effect happened once per fence, and nobody was late', () => {
      const broken = judge(evidence).filter(({ kept }) => !kept);
      expect({ seed, broken }).toEqual({ seed, broken: [] });
      expect(fleet.surprises).toEqual([]);
    });

    it('no attempt began before the one before it had ended', async () => {
      const overlapping = await administer(postgres.url, async (server) => {
        const { rows } = await server.query(
          `select a.task_id, a.fence from task_attempts a
             join task_attempts b on b.workspace_id = a.workspace_id and b.task_id = a.task_id and b.fence = a.fence + 1
            where a.ended_at is null or b.started_at < a.ended_at`,
        );
        return rows;
      });
      expect(overlapping).toEqual([]);
    });

    it(
      'every dead letter was told',
      async () => {
        const told = () =>
          new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { data: { taskId: string } }).data.taskId));
        const dead = new Set(evidence.deadTaskIds);
        await until(async () => (await delay(50), told().size >= dead.size), PATIENCE_MS);
        expect(told()).toEqual(dead);
      },
      PATIENCE_MS,
    );

    it('the chain of events is unbroken', async () => {
      expect(await mission.get('/api/audit/verify')).toMatchObject({ ok: true });
    });
  });
});
