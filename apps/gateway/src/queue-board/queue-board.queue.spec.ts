import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import supertest, { type Test } from 'supertest';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';

const redisUrl = process.env['REDIS_URL'] || undefined;

describe(`the queue board on ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ env: { REDIS_URL: redisUrl ?? '' } });
  });
  afterAll(async () => {
    await gateway.app.get(QueueProducer, { strict: false }).queue('webhook-deliveries').obliterate({ force: true });
    await gateway.close();
  });

  const get = (path: string, password?: string): Test => {
    const request = supertest(gateway.url).get(path);
    return password === undefined ? request : request.auth('anybody', password);
  };

  it('shows the jobs of every queue to an owner and to an admin', async () => {
    const payload = { organizationId: 'o', workspaceId: 'w', deliveryId: 'd-1', endpointId: 'e' };
    await gateway.app
      .get(QueueProducer, { strict: false })
      .add([{ queue: 'webhook-deliveries', payload, id: 'delivery-d-1', delayMs: 60_000 }]);
    for (const key of [gateway.db.ownerKey, await gateway.key({ role: 'admin' })]) {
      const answer = await get('/queues/api/queues?activeQueue=webhook-deliveries&status=delayed', key);
      const { queues } = answer.body as { queues: { name: string; readOnlyMode: boolean; jobs: { id: string }[] }[] };
      expect(answer.status).toBe(200);
      expect(queues.map((queue) => queue.name).sort()).toEqual([
        'dead-letters',
        'due-times',
        'notifications',
        'webhook-deliveries',
      ]);
      expect(queues.every((queue) => queue.readOnlyMode)).toBe(true);
      expect(queues.flatMap((queue) => queue.jobs.map((job) => job.id))).toContain('delivery-d-1');
    }
  });

  it('serves its page and its scripts itself, and lets no stranger in', async () => {
    const page = await get('/queues', gateway.db.ownerKey);
    expect([page.status, page.type]).toEqual([200, 'text/html']);
    expect(page.headers['content-security-policy']).toMatch(/default-src 'self'/);
    const [script] = /static\/js\/main[^"]+/.exec(page.text) ?? [];
    expect((await get(`/queues/${script}`, gateway.db.ownerKey)).status).toBe(200);
    expect((await get(`/queues/${script}`)).status).toBe(401);
  });

  it('asks for a login, and turns away every key that is not of an administrator of the whole organization', async () => {
    const keys = [
      undefined,
      '',
      await gateway.key({ role: 'member' }),
      await gateway.key({ role: 'viewer' }),
      await gateway.key({ role: 'agent' }),
      await gateway.key({ role: 'admin', workspaceId: gateway.db.workspaceId }),
      await gateway.key({ role: 'owner', expiresAt: new Date(Date.now() - 1_000) }),
    ];
    for (const key of keys) {
      for (const path of ['/queues', '/queues/', '/queues/api/queues', '/queues/queue/webhook-deliveries']) {
        const answer = await get(path, key);
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/);
        expect(answer.type).toBe('application/problem+json');
      }
    }
  });

  it('changes nothing, whoever asks', async () => {
    const attempts = [
      '/queues/api/queues/webhook-deliveries/pause',
      '/queues/api/queues/webhook-deliveries/clean/delayed',
      '/queues/api/queues/webhook-deliveries/delivery-d-1/retry',
    ];
    for (const path of attempts) {
      const answer = await supertest(gateway.url).put(path).auth('anybody', gateway.db.ownerKey);
      expect(answer.status).toBe(405);
    }
  });

  it('slows down whoever guesses', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 30; attempt += 1)
      statuses.push((await get('/queues', `hou_guess${attempt}`)).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect((await get('/queues', gateway.db.ownerKey)).status).toBe(200);
  });
});
