import supertest from 'supertest';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { ReadyView } from './health.dto.js';

describe('health', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const beat = (name: string, secondsAgo: number) =>
    gateway.db.dataSource.query(
      `insert into processes (name, instance, beat_at) values ($1, 'test', now() - make_interval(secs => $2))
       on conflict (name, instance) do update set beat_at = excluded.beat_at`,
      [name, secondsAgo],
    );
  const ready = () => supertest(gateway.url).get('/health/ready');

  it('is alive for everybody, without a key', async () => {
    const answer = await supertest(gateway.url).get('/health/live');
    expect([answer.status, answer.body]).toEqual([200, { status: 'ok' }]);
  });

  it('is not ready while a service has never been seen, and names it', async () => {
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual({
      status: 'not_ready',
      parts: {
        database: { ok: true },
        queues: { ok: true },
        budget: { ok: false, fault: 'no sign of life for 15 s' },
        scheduler: { ok: false, fault: 'no sign of life for 15 s' },
        notifier: { ok: false, fault: 'no sign of life for 15 s' },
      },
    });
  });

  it('is ready when every service beats, and no longer when one falls silent', async () => {
    await Promise.all(['budget', 'scheduler', 'notifier'].map((name) => beat(name, 14)));
    expect((await ready()).status).toBe(200);
    await beat('scheduler', 16);
    const answer = await ready();
    const { parts } = answer.body as ReadyView;
    expect([answer.status, parts.scheduler?.ok, parts.budget?.ok]).toEqual([503, false, true]);
    await beat('scheduler', 0);
    expect((await ready()).status).toBe(200);
  });

  it('stays alive but is not ready when Postgres goes away, without telling where Postgres is', async () => {
    const spoiled = await startGateway();
    await spoiled.db.close();
    const answer = await supertest(spoiled.url).get('/health/ready');
    expect(answer.status).toBe(503);
    expect((answer.body as ReadyView).parts.database?.ok).toBe(false);
    expect((answer.body as ReadyView).parts.queues?.ok).toBe(false);
    expect(answer.text).not.toMatch(/127\.0\.0\.1|postgres|test_/);
    expect((await supertest(spoiled.url).get('/health/live')).status).toBe(200);
    await spoiled.app.close();
  });
});
