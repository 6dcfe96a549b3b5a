import { DutiesModule } from '@houston/common/duties/duties.module.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SchedulerModule } from '../../apps/scheduler/src/scheduler.module.js';
import { forgetRules, insertRule } from '../factories/escalation.js';
import { createTask } from '../factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

const redisUrl = process.env['REDIS_URL'] || '';

@Module({ imports: [SchedulerModule, DutiesModule] })
class Scheduler {}

interface Raised {
  subject_id: string;
  level: number;
  status: string;
  late_ms: number;
}

describe(`escalation by two schedulers, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let db: TestDatabase;
  let gateway: TestGateway;
  let schedulers: INestApplicationContext[];

  beforeAll(async () => {
    db = await openTestDatabase();
    await forgetRules(db);
    const settings = { REDIS_URL: redisUrl, DATABASE_URL: db.url };
    gateway = await startGateway({ db, env: settings });
    Object.assign(process.env, settings);
    schedulers = [];
    for (let number = 0; number < 2; number += 1) {
      schedulers.push(await NestFactory.createApplicationContext(Scheduler, { logger: ['error'] }));
    }
  });
  afterAll(async () => {
    await queue().obliterate({ force: true });
    for (const scheduler of schedulers) await scheduler.close();
    await gateway.close();
    await db.close();
  });

  const queue = () => schedulers[0]!.get(QueueProducer, { strict: false }).queue('due-times');
  const raised = (rule: string) =>
    db.database.inOrganization(db.organizationId, (tx) =>
      tx.query<Raised>(
        `select subject_id, level, status, extract(epoch from raised_at - since)::float8 * 1000 as late_ms from escalations
          where rule_id = $1`,
        [rule],
      ),
    );
  const block = async (): Promise<string> => {
    const { id } = await createTask(gateway.owner);
    bodyOf(await gateway.owner.post(`/api/tasks/${id}/transition`, { to: 'blocked', blockerReason: 'No stamps' }), 200);
    return id;
  };

  it('comes for each task once, not before its time', async () => {
    const rule = await insertRule(db, { match: { status: ['blocked'] }, threshold: 3 });
    const tasks = await Promise.all(Array.from({ length: 20 }, block));
    const rows = await until(async () => {
      const found = await raised(rule);
      return found.length >= tasks.length && found;
    }, 25_000);
    expect(rows.map((row) => row.subject_id).sort()).toEqual([...tasks].sort());
    for (const row of rows) expect(row.late_ms).toBeGreaterThanOrEqual(0);
  });

  it('comes without the queue, too', async () => {
    await queue().pause();
    const rule = await insertRule(db, { name: 'Without a queue', match: { status: ['blocked'] }, threshold: 2 });
    const task = await block();
    const rows = await until(async () => {
      await queue().obliterate({ force: true });
      const found = (await raised(rule)).filter((row) => row.subject_id === task);
      return found.length > 0 && found;
    }, 25_000);
    expect(rows).toMatchObject([{ level: 1, status: 'open' }]);
    await queue().resume();
  });

  it('tells of a service level in the second in which it is missed, once', async () => {
    const { id } = await createTask(gateway.owner, { sloSeconds: 2 });
    const breaches = () =>
      db.database.inOrganization(db.organizationId, (tx) =>
        tx.query<{ data: unknown; early: boolean }>(
          `select e.data, e.time < t.created_at + interval '2 seconds' as early
             from events e join tasks t on t.workspace_id = e.workspace_id and e.subject = 'task:' || t.id
            where e.type = 'slo.breached' and t.id = $1`,
          [id],
        ),
      );
    await until(async () => (await breaches()).length > 0, 25_000);
    const slo = await until(async () => {
      const body = bodyOf<{ breachedAt: string | null }>(await gateway.owner.get(`/api/tasks/${id}/slo`), 200);
      return body.breachedAt !== null && body;
    });
    expect(slo).toMatchObject({ tier: null, seconds: 2 });
    expect(await breaches()).toMatchObject([{ early: false }]);
  });
});
