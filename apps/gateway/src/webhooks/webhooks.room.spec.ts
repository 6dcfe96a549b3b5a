import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { addDelivery } from '../../../../test/factories/webhooks.js';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';

const URL = 'https://example.com/houston';
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' } });
});
afterAll(() => gateway.close());

async function create(more: Record<string, unknown> = {}) {
  const { body, status } = await gateway.owner.post('/api/webhooks', { url: URL, events: ['budget.*'], ...more });
  expect(status).toBe(201);
  return body as { id: string; secret: string };
}

const eventsOf = (id: string) =>
  gateway.db.database.inWorkspace(gateway.db, (tx) =>
    tx.query<{ type: string; data: Record<string, unknown> }>(
      'select type, data from events where subject = $1 order by seq',
      [`webhook:${id}`],
    ),
  );
const query = <Row>(sql: string, parameters: unknown[] = []) =>
  gateway.db.database.inWorkspace(gateway.db, (tx) => tx.query<Row>(sql, parameters));

describe('a webhook', () => {
  it('is created with its secret, which is never shown again, nowhere', async () => {
    const { body, headers } = await gateway.owner.post('/api/webhooks', {
      url: URL,
      events: ['budget.*', 'lease.lost'],
    });
    expect(body).toMatchObject({ url: URL, events: ['budget.*', 'lease.lost'], description: '', status: 'enabled' });
    expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(headers['etag']).toBe('"1"');
    const rotated = (await gateway.owner.post(`/api/webhooks/${body.id}/rotate-secret`)).body.secret;
    const seen = [
      (await gateway.owner.get('/api/webhooks')).text,
      (await gateway.owner.get(`/api/webhooks/${body.id}`)).text,
      (await gateway.owner.patch(`/api/webhooks/${body.id}`, { description: 'x' })).text,
      JSON.stringify(await eventsOf(body.id)),
    ].join();
    expect(seen).not.toContain(body.secret);
    expect(seen).not.toContain(rotated);
    expect(seen).not.toContain('whsec_');
  });

  it('writes an event for each change, with the host of its address but not the path', async () => {
    const { id } = await create({ url: 'https://hooks.example.com/T0KEN' });
    await gateway.owner.patch(`/api/webhooks/${id}`, { events: ['*'] });
    await gateway.owner.post(`/api/webhooks/${id}/rotate-secret`);
    await gateway.owner.patch(`/api/webhooks/${id}`, { status: 'disabled' });
    await gateway.owner.patch(`/api/webhooks/${id}`, { status: 'enabled' });
    expect((await gateway.owner.delete(`/api/webhooks/${id}`)).status).toBe(204);
    const events = await eventsOf(id);
    expect(events.map((event) => event.type)).toEqual(
      ['created', 'updated', 'secret_rotated', 'disabled', 'enabled', 'deleted'].map((verb) => `webhook.${verb}`),
    );
    expect(events.every((event) => event.data['host'] === 'hooks.example.com')).toBe(true);
    expect(JSON.stringify(events)).not.toContain('T0KEN');
    expect((await gateway.owner.get(`/api/webhooks/${id}`)).status).toBe(404);
  });

  it('writes no event for a change that changes nothing', async () => {
    const { id } = await create();
    const { headers } = await gateway.owner.patch(`/api/webhooks/${id}`, {
      url: URL,
      events: ['budget.*'],
      status: 'enabled',
    });
    expect(headers['etag']).toBe('"1"');
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it.each([
    ['ftp://example.com/'],
    ['https://user:pass@example.com/'],
    ['http://10.0.0.1/hook'],
    ['http://[::1]/hook'],
    ['http://169.254.169.254/latest'],
    ['http://0x7f.1.1.1.1/'],
    ['not an address'],
    [''],
    [42],
    [null],
  ])('refuses the address %s', async (url) => {
    const answer = await gateway.owner.post('/api/webhooks', { url, events: ['*'] });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'invalid_values', errors: [{ path: 'url' }] });
  });

  it('accepts a private address that the operator opened', async () => {
    expect((await gateway.owner.post('/api/webhooks', { url: 'http://127.0.0.1:8080/', events: ['*'] })).status).toBe(
      201,
    );
  });

  it.each([
    [[]],
    [['budget']],
    [['*.frozen']],
    [['budget.*', 'budget.*']],
    ['budget.*'],
    [[7]],
    [null],
    [Array(51).fill('a.b')],
  ])('refuses the events %j', async (events) =>
    expect((await gateway.owner.post('/api/webhooks', { url: URL, events })).status).toBe(422),
  );

  it.each([
    [{ url: null }],
    [{ events: null }],
    [{ description: null }],
    [{ status: 'paused' }],
    [{ secret: 'whsec_x' }],
  ])('refuses the change %j', async (change) => {
    const { id } = await create();
    expect((await gateway.owner.patch(`/api/webhooks/${id}`, change)).status).toBe(422);
  });

  it('is changed only by who has seen its latest version', async () => {
    const { id } = await create();
    const patch = (description: string, tag: string) =>
      gateway.owner.patch(`/api/webhooks/${id}`, { description }, { 'if-match': tag });
    expect((await patch('mine', '"1"')).headers['etag']).toBe('"2"');
    expect((await patch('yours', '"1"')).status).toBe(412);
    expect((await gateway.owner.get(`/api/webhooks/${id}`)).body.description).toBe('mine');
  });

  it('forgets its failures when it is enabled again', async () => {
    const { id } = await create();
    await query(
      `update webhook_endpoints set status = 'disabled', disabled_reason = 'failing', failing_since = now(),
              consecutive_failures = 12 where id = $1`,
      [id],
    );
    const { body } = await gateway.owner.patch(`/api/webhooks/${id}`, { status: 'enabled' });
    expect(body).toMatchObject({ status: 'enabled', disabledReason: null, failingSince: null, consecutiveFailures: 0 });
  });

  it('is one for two requests with the same Idempotency-Key, and shows the same secret to both', async () => {
    const headers = { 'idempotency-key': 'once' };
    const send = () => gateway.owner.post('/api/webhooks', { url: URL, events: ['once.*'] }, headers);
    const [first, second] = [await send(), await send()];
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  it('keeps its old secrets for a day after a rotation, and no more than ten in all', async () => {
    const { id, secret } = await create();
    for (let count = 0; count < 12; count += 1) await gateway.owner.post(`/api/webhooks/${id}/rotate-secret`);
    const secrets = await query<{ secret: string; valid_until: Date | null }>(
      'select secret, valid_until from webhook_secrets where endpoint_id = $1 order by number desc',
      [id],
    );
    expect(secrets).toHaveLength(10);
    expect(secrets.filter((row) => row.valid_until === null)).toEqual([secrets[0]]);
    expect(secrets.map((row) => row.secret)).not.toContain(secret);
    const hours = (secrets[1]!.valid_until!.getTime() - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
  });
});

describe('deliveries', () => {
  it('of a test show what was sent, to this webhook alone', async () => {
    const [tested, other] = [await create(), await create({ events: ['*'] })];
    const { status, body } = await gateway.owner.post(`/api/webhooks/${tested.id}/test`);
    expect(status).toBe(200);
    const one = await gateway.owner.get(`/api/webhooks/${tested.id}/deliveries/${body.deliveryId}`);
    expect(one.body).toMatchObject({ id: body.deliveryId, type: 'webhook.test', status: 'pending', attempts: [] });
    expect(one.body.messageId).toBe(`msg_${one.body.eventId.replaceAll('-', '')}`);
    expect(JSON.parse(one.body.body)).toMatchObject({ type: 'webhook.test', data: { webhookId: tested.id } });
    expect((await gateway.owner.get(`/api/webhooks/${other.id}/deliveries`)).body.items).toEqual([]);
    const job = await gateway.app
      .get(QueueProducer, { strict: false })
      .queue('webhook-deliveries')
      .getJob(`delivery.${body.deliveryId}.0`);
    expect(job?.data).toEqual({
      organizationId: gateway.db.organizationId,
      workspaceId: gateway.db.workspaceId,
      deliveryId: body.deliveryId,
      endpointId: tested.id,
    });
  });

  it('are listed newest first, by status, page by page', async () => {
    const { id } = await create();
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) made.push((await addDelivery(gateway.db, id)).deliveryId);
    await query(`update deliveries set status = 'delivered', next_attempt_at = null where id = $1`, [made[2]]);
    const list = (search: string) => gateway.owner.get(`/api/webhooks/${id}/deliveries?${search}`);
    const first = (await list('limit=3')).body;
    const second = (await list(`limit=3&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map((item: { id: string }) => item.id)).toEqual(made.toReversed());
    expect(second.nextCursor).toBeNull();
    expect((await list('status=delivered')).body.items).toMatchObject([{ id: made[2], nextAttemptAt: null }]);
    expect((await list(`status=pending&cursor=${first.nextCursor}`)).status).toBe(422);
    expect((await list('status=lost')).status).toBe(422);
  });

  it('asked for again become due at once, in whatever status', async () => {
    const { id } = await create();
    const { deliveryId } = await addDelivery(gateway.db, id);
    await query(`update deliveries set status = 'delivered', next_attempt_at = null where id = $1`, [deliveryId]);
    const path = `/api/webhooks/${id}/deliveries/${deliveryId}/redeliver`;
    const { status, body } = await gateway.owner.post(path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: deliveryId, status: 'delivered' });
    expect(Date.parse(body.nextAttemptAt)).toBeLessThan(Date.now() + 5_000);
    expect((await gateway.owner.post(path)).body.nextAttemptAt).toBe(body.nextAttemptAt);
  });

  it('are neither tested nor repeated while the webhook is disabled', async () => {
    const { id } = await create();
    const { deliveryId } = await addDelivery(gateway.db, id);
    await gateway.owner.patch(`/api/webhooks/${id}`, { status: 'disabled' });
    for (const path of [`/api/webhooks/${id}/test`, `/api/webhooks/${id}/deliveries/${deliveryId}/redeliver`]) {
      expect(await gateway.owner.post(path)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    }
    expect(await query('select manual_attempt_at from deliveries where id = $1', [deliveryId])).toEqual([
      { manual_attempt_at: null },
    ]);
  });
});

describe('the walls', () => {
  it("answer another workspace's ids like ids that never existed", async () => {
    const { id } = await create();
    const { deliveryId } = await addDelivery(gateway.db, id);
    const { slug } = await gateway.workspace('walled');
    const stranger = gateway.as(gateway.db.ownerKey, slug);
    const missing = '00000000-0000-4000-8000-000000000000';
    const routes: ((webhook: string, delivery: string) => ReturnType<typeof stranger.get>)[] = [
      (webhook) => stranger.get(`/api/webhooks/${webhook}`),
      (webhook) => stranger.patch(`/api/webhooks/${webhook}`, { description: 'x' }),
      (webhook) => stranger.delete(`/api/webhooks/${webhook}`),
      (webhook) => stranger.post(`/api/webhooks/${webhook}/rotate-secret`),
      (webhook) => stranger.post(`/api/webhooks/${webhook}/test`),
      (webhook) => stranger.get(`/api/webhooks/${webhook}/deliveries`),
      (webhook, delivery) => stranger.get(`/api/webhooks/${webhook}/deliveries/${delivery}`),
      (webhook, delivery) => stranger.post(`/api/webhooks/${webhook}/deliveries/${delivery}/redeliver`),
    ];
    for (const route of routes) {
      const [foreign, absent] = [await route(id, deliveryId), await route(missing, missing)];
      const bytes = (answer: { text: string }, ids: string[]) =>
        ids.reduce((text, one) => text.replaceAll(one, 'ID'), answer.text).replace(/"requestId":"[^"]*"/, '');
      expect(foreign.status).toBe(404);
      expect(bytes(foreign, [id, deliveryId])).toBe(bytes(absent, [missing]));
    }
    expect((await stranger.get('/api/webhooks')).body.items).toEqual([]);
    expect((await gateway.owner.get(`/api/webhooks/${id}`)).status).toBe(200);
  });

  it('let members and agents neither see nor change webhooks', async () => {
    for (const role of ['member', 'agent', 'viewer'] as const) {
      const client = gateway.as(await gateway.key({ role }));
      expect((await client.get('/api/webhooks')).status).toBe(403);
      expect((await client.post('/api/webhooks', { url: URL, events: ['*'] })).status).toBe(403);
    }
  });
});

it('a workspace has a hundred webhooks at the most, also when many are asked for at once', async () => {
  const { slug } = await gateway.workspace('crowded');
  const client = gateway.as(gateway.db.ownerKey, slug);
  const answers = await Promise.all(
    Array.from({ length: 104 }, () =>
      client.post('/api/webhooks', { url: URL, events: ['*'] }).then((it) => it.status),
    ),
  );
  expect(answers.filter((status) => status === 201)).toHaveLength(100);
  expect(answers.filter((status) => status === 409)).toHaveLength(4);
});
