import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { deadLetterWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { v7 as newId } from 'uuid';
import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';

let gateway: TestGateway;
let endpointId: string;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  endpointId = (await addEndpoint(gateway.db, 'https://example.com/hook')).id;
});

const query = <Row>(sql: string, parameters: unknown[] = []) =>
  gateway.db.database.inWorkspace(gateway.db, (tx) => tx.query<Row>(sql, parameters));

/** A delivery that was given up after three attempts. */
async function giveUp(): Promise<{ id: string; deliveryId: string }> {
  const { deliveryId } = await addDelivery(gateway.db, endpointId);
  const id = newId();
  await query(
    `update deliveries set status = 'exhausted', next_attempt_at = null, attempt_count = 3, schedule_step = 3 where id = $1`,
    [deliveryId],
  );
  await query(
    `insert into delivery_attempts (organization_id, workspace_id, delivery_id, number, trigger, at, duration_ms, status, error_class, response)
     values ($1, $2, $3, 3, 'automatic', now(), 12, 503, 'http_error', 'busy')`,
    [gateway.db.organizationId, gateway.db.workspaceId, deliveryId],
  );
  await query(
    `insert into dead_letters (organization_id, workspace_id, id, kind, delivery_id, reason, summary)
     values ($1, $2, $3, 'webhook', $4, 'attempts', '{"type": "budget.frozen"}')`,
    [gateway.db.organizationId, gateway.db.workspaceId, id, deliveryId],
  );
  return { id, deliveryId };
}

const listed = async (search = ''): Promise<string[]> =>
  (await gateway.owner.get(`/api/dead-letters${search}`)).body.items.map((item: { id: string }) => item.id);

describe('a dead letter', () => {
  it('shows what was given up, why, and everything that was tried', async () => {
    const { id, deliveryId } = await giveUp();
    const { body } = await gateway.owner.get(`/api/dead-letters/${id}`);
    expect(body).toMatchObject({
      id,
      kind: 'webhook',
      referenceId: deliveryId,
      reason: 'attempts',
      status: 'open',
      summary: { type: 'budget.frozen' },
      resolvedAt: null,
      attempts: [{ number: 3, trigger: 'automatic', status: 503, errorClass: 'http_error', response: 'busy' }],
    });
    expect(await listed()).toContain(id);
  });

  it('is replayed once: the schedule begins anew, and a second replay is refused', async () => {
    const { id, deliveryId } = await giveUp();
    const answers = await Promise.all([1, 2, 3].map(() => gateway.owner.post(`/api/dead-letters/${id}/replay`)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409, 409]);
    expect(answers.find((answer) => answer.status === 200)!.body).toMatchObject({ id, status: 'replayed' });
    const [delivery] = await query<Record<string, unknown>>('select * from deliveries where id = $1', [deliveryId]);
    expect(delivery).toMatchObject({ status: 'pending', schedule_step: 0, attempt_count: 3 });
    const queue = gateway.app.get(QueueProducer, { strict: false }).queue('webhook-deliveries');
    expect(await queue.getJob(`delivery.${deliveryId}.3`)).toBeDefined();
    expect(await listed()).not.toContain(id);
    expect(await listed('?status=replayed')).toContain(id);
    expect(await query('select type from events where subject = $1', [`dead_letter:${id}`])).toEqual([
      { type: 'dead_letter.replayed' },
    ]);
  });

  it('is not replayed to a webhook that is disabled, and stays open', async () => {
    const { id } = await giveUp();
    await gateway.owner.patch(`/api/webhooks/${endpointId}`, { status: 'disabled' });
    expect((await gateway.owner.post(`/api/dead-letters/${id}/replay`)).status).toBe(409);
    expect(await listed()).toContain(id);
    await gateway.owner.patch(`/api/webhooks/${endpointId}`, { status: 'enabled' });
    expect((await gateway.owner.post(`/api/dead-letters/${id}/replay`)).status).toBe(200);
  });

  it('comes back with others at a rate, also of webhooks; what may not be sent is skipped, and the rest goes on', async () => {
    const letters = [await giveUp(), await giveUp()];
    endpointId = (await addEndpoint(gateway.db, 'https://example.com/off')).id;
    const { id: unwanted } = await giveUp();
    await gateway.owner.patch(`/api/webhooks/${endpointId}`, { status: 'disabled' });
    const missing = '00000000-0000-4000-8000-000000000000';
    const ids = [...letters.map(({ id }) => id), unwanted, missing];
    const preview = await gateway.owner.post('/api/dead-letters/replay', { ids, preview: true });
    expect(preview.body).toMatchObject({ preview: true, count: 3, skipped: [missing] });
    expect(await listed()).toEqual(expect.arrayContaining([letters[0]!.id, letters[1]!.id, unwanted]));
    const answer = await gateway.owner.post('/api/dead-letters/replay', { ids, ratePerSecond: 0.1 });
    expect(answer.body).toMatchObject({
      ...{ preview: false, count: 2, skipped: [unwanted, missing] },
      items: letters.map(({ id, deliveryId }, n) => ({
        ...{ id, kind: 'webhook', referenceId: deliveryId, taskId: null, reason: 'attempts', delayMs: n * 10_000 },
      })),
    });
    const waits = await query<{ isLater: boolean }>(
      `select next_attempt_at > now() + interval '5 seconds' as "isLater" from deliveries where id = any($1) order by id`,
      [letters.map(({ deliveryId }) => deliveryId)],
    );
    expect(waits).toEqual([{ isLater: false }, { isLater: true }]);
    expect(await listed()).toContain(unwanted);
  });

  it('that is discarded stays on record, is never replayed, and may be discarded again', async () => {
    const { id, deliveryId } = await giveUp();
    expect((await gateway.owner.delete(`/api/dead-letters/${id}`)).status).toBe(204);
    expect((await gateway.owner.delete(`/api/dead-letters/${id}`)).status).toBe(204);
    expect((await gateway.owner.post(`/api/dead-letters/${id}/replay`)).status).toBe(409);
    expect(await listed('?status=discarded')).toContain(id);
    expect(await query('select status from deliveries where id = $1', [deliveryId])).toEqual([{ status: 'exhausted' }]);
    expect(await query('select type from events where subject = $1', [`dead_letter:${id}`])).toEqual([
      { type: 'dead_letter.discarded' },
    ]);
  });

  it('leaves the board of the queues when it is decided', async () => {
    const { id } = await giveUp();
    const producer = gateway.app.get(QueueProducer, { strict: false });
    const { organizationId, workspaceId } = gateway.db;
    await producer.add([deadLetterWakeup({ organizationId, workspaceId }, id)]);
    const queue = producer.queue('dead-letters');
    expect(await queue.getJob(`dead-letter.${id}`)).toBeDefined();
    await gateway.owner.delete(`/api/dead-letters/${id}`);
    expect(await queue.getJob(`dead-letter.${id}`)).toBeUndefined();
  });

  it('of another workspace answers like one that never existed', async () => {
    const { id } = await giveUp();
    const { slug } = await gateway.workspace(`walled-${Date.now()}`);
    const stranger = gateway.as(gateway.db.ownerKey, slug);
    const missing = '00000000-0000-4000-8000-000000000000';
    const routes = [
      (one: string) => stranger.get(`/api/dead-letters/${one}`),
      (one: string) => stranger.post(`/api/dead-letters/${one}/replay`),
      (one: string) => stranger.delete(`/api/dead-letters/${one}`),
    ];
    for (const route of routes) {
      const [foreign, absent] = [await route(id), await route(missing)];
      const bytes = (text: string, one: string) => text.replaceAll(one, 'ID').replace(/"requestId":"[^"]*"/, '');
      expect(foreign.status).toBe(404);
      expect(bytes(foreign.text, id)).toBe(bytes(absent.text, missing));
    }
    expect((await stranger.get('/api/dead-letters')).body.items).toEqual([]);
    expect(await listed()).toContain(id);
  });
});

it('dead letters are listed newest first, page by page, and only by known statuses', async () => {
  const ids = [await giveUp(), await giveUp(), await giveUp()].map((letter) => letter.id);
  const first = (await gateway.owner.get('/api/dead-letters?limit=2')).body;
  expect(first.items.map((item: { id: string }) => item.id)).toEqual([ids[2], ids[1]]);
  const second = (await gateway.owner.get(`/api/dead-letters?limit=1&cursor=${first.nextCursor}`)).body;
  expect(second.items[0].id).toBe(ids[0]);
  expect((await gateway.owner.get('/api/dead-letters?status=gone')).status).toBe(422);
});
