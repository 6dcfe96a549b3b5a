import { newSecret } from '@houston/common/webhooks/signature.js';
import { Webhook } from 'standardwebhooks';
import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { DeliveryFixture } from '../../../../test/support/delivery-fixture.js';
import { AttemptRecorder } from './attempt-recorder.js';

let fixture: DeliveryFixture;

beforeAll(async () => {
  fixture = await DeliveryFixture.open();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

describe('an attempt', () => {
  it('arrives signed, is accepted by an independent verifier, and is on record', async () => {
    const { id, secret } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId, eventId, body } = await addDelivery(fixture.db, id);
    expect(await fixture.deliver(deliveryId)).toEqual({ kind: 'done', wakeups: [] });
    const [seen] = fixture.receiver.received;
    expect(seen!.body).toBe(body);
    expect(seen!.headers['webhook-id']).toBe(`msg_${eventId.replaceAll('-', '')}`);
    expect(new Webhook(secret).verify(seen!.body, seen!.headers as Record<string, string>)).toEqual(JSON.parse(body));
    expect(await fixture.stateOf(deliveryId)).toMatchObject({
      status: 'delivered',
      attempt_count: 1,
      due_at: null,
      claimed_until: null,
    });
    expect(await fixture.attemptsOf(deliveryId)).toMatchObject([
      { number: 1, trigger: 'automatic', status: 204, error_class: null },
    ]);
  });

  it('carries two signatures while a secret is being rotated, and none of an expired one', async () => {
    const secrets = [newSecret(), newSecret(), newSecret()];
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url, { secrets });
    await fixture.query(`update webhook_secrets set valid_until = now() where endpoint_id = $1 and number = 1`, [id]);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.deliver(deliveryId);
    const { headers, body } = fixture.receiver.received[0]!;
    expect(String(headers['webhook-signature']).split(' ')).toHaveLength(2);
    for (const secret of secrets.slice(1)) new Webhook(secret).verify(body, headers as Record<string, string>);
    expect(() => new Webhook(secrets[0]!).verify(body, headers as Record<string, string>)).toThrow();
  });

  it('that fails comes again under the same id with the same bytes, until it is accepted', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.refuse(500);
    const first = await fixture.deliver(deliveryId);
    expect(first).toMatchObject({ wakeups: [{ queue: 'webhook-deliveries', id: `delivery.${deliveryId}.1` }] });
    fixture.refuse(404);
    await fixture.deliver(deliveryId);
    fixture.receiver.answer = (response) => response.writeHead(200).end();
    await fixture.deliver(deliveryId);
    expect(new Set(fixture.receiver.received.map((seen) => seen.headers['webhook-id'])).size).toBe(1);
    expect(new Set(fixture.receiver.received.map((seen) => seen.body)).size).toBe(1);
    expect(await fixture.attemptsOf(deliveryId)).toMatchObject([
      { number: 1, status: 500, error_class: 'http_error', response: 'no' },
      { number: 2, status: 404, error_class: 'http_error' },
      { number: 3, status: 200, error_class: null },
    ]);
    expect(await fixture.stateOf(deliveryId)).toMatchObject({ status: 'delivered', due_at: null });
  });

  it('comes no earlier than the schedule says', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.refuse(500);
    const service = fixture.notifier({ webhookRetryScheduleMs: [0, 60_000] });
    await fixture.deliver(deliveryId, service);
    const { due_at } = await fixture.stateOf(deliveryId);
    expect(due_at!.getTime() - Date.now()).toBeGreaterThan(45_000);
    expect(await fixture.deliver(deliveryId, service)).toMatchObject({ kind: 'snooze' });
    expect(fixture.receiver.received).toHaveLength(1);
  });

  it('is made once by two notifiers that are woken at the same time', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.receiver.answer = (response) => setTimeout(() => response.writeHead(204).end(), 100);
    await Promise.all(
      [fixture.notifier(), fixture.notifier(), fixture.notifier()].map((service) =>
        fixture.deliver(deliveryId, service),
      ),
    );
    expect(fixture.receiver.received).toHaveLength(1);
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(1);
  });

  it('that was cut off before it was recorded is sent again under the same id, and stays on record', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    class Dying extends AttemptRecorder {
      override record(): Promise<never> {
        return Promise.reject(new Error('killed'));
      }
    }
    const dying = fixture.notifier({}, Dying);
    await expect(fixture.deliver(deliveryId, dying)).rejects.toThrow('killed');
    expect(await fixture.deliver(deliveryId)).toEqual({ kind: 'done', wakeups: [] });
    expect(fixture.receiver.received).toHaveLength(1);
    await fixture.query('update deliveries set claimed_until = now() where id = $1', [deliveryId]);
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(2);
    expect(fixture.receiver.received[0]!.headers['webhook-id']).toBe(
      fixture.receiver.received[1]!.headers['webhook-id'],
    );
    expect(await fixture.attemptsOf(deliveryId)).toMatchObject([
      { number: 1, error_class: 'interrupted', duration_ms: null },
      { number: 2, status: 204, error_class: null },
    ]);
  });

  it('that kills its sender time after time ends as poison among the dead letters', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.query(
      `update deliveries set interruption_count = 7, attempt_count = 8, claimed_until = now(), claimed_at = now(),
              claimed_trigger = 'automatic' where id = $1`,
      [deliveryId],
    );
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(0);
    expect(await fixture.deadLettersOf(deliveryId)).toMatchObject([{ reason: 'poison', status: 'open' }]);
  });

  it('that cannot be signed by our own fault is not counted, and is put off', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url, { secrets: ['whsec_damaged'] });
    const { deliveryId } = await addDelivery(fixture.db, id);
    await expect(fixture.deliver(deliveryId)).rejects.toThrow(/secret/);
    const state = await fixture.stateOf(deliveryId);
    expect(state).toMatchObject({ status: 'pending', attempt_count: 0, claimed_until: null });
    expect(state.due_at!.getTime()).toBeGreaterThan(Date.now() + 5_000);
    expect(await fixture.attemptsOf(deliveryId)).toEqual([]);
  });
});

describe('a delivery that cannot arrive', () => {
  it('ends among the dead letters after the last attempt, with an event', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId, eventId } = await addDelivery(fixture.db, id);
    fixture.refuse(500);
    for (let attempt = 1; attempt <= 3; attempt += 1) await fixture.deliver(deliveryId);
    expect(await fixture.stateOf(deliveryId)).toMatchObject({ status: 'exhausted', due_at: null, attempt_count: 3 });
    const [letter] = await fixture.deadLettersOf(deliveryId);
    expect(letter).toMatchObject({ reason: 'attempts', status: 'open' });
    expect(await fixture.eventsAbout(`delivery:${deliveryId}`)).toMatchObject([
      {
        type: 'delivery.exhausted',
        data: { webhookId: id, eventId, reason: 'attempts', attempts: 3, deadLetterId: letter!.id },
      },
    ]);
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(3);
  });

  it('because the endpoint is gone (410) disables the endpoint, and its other deliveries are given up', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const [gone, waiting] = [await addDelivery(fixture.db, id), await addDelivery(fixture.db, id)];
    await fixture.query(`update deliveries set next_attempt_at = now() + interval '1 day' where id = $1`, [
      waiting.deliveryId,
    ]);
    fixture.refuse(410);
    await fixture.deliver(gone.deliveryId);
    expect(await fixture.query('select status, disabled_reason from webhook_endpoints where id = $1', [id])).toEqual([
      { status: 'disabled', disabled_reason: 'gone' },
    ]);
    await fixture.deliver(waiting.deliveryId);
    for (const { deliveryId } of [gone, waiting]) {
      expect(await fixture.stateOf(deliveryId)).toMatchObject({ status: 'exhausted' });
      expect(await fixture.deadLettersOf(deliveryId)).toMatchObject([{ reason: 'permanent' }]);
    }
    expect(fixture.receiver.received).toHaveLength(1);
    expect((await fixture.eventsAbout(`webhook:${id}`)).map((event) => event.type)).toEqual([
      'webhook.disabled',
      'endpoint.disabled',
    ]);
  });

  it('disables its endpoint after five days and ten failures, and tells so without address or secret', async () => {
    const { id, secret } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.query(
      `update webhook_endpoints set failing_since = now() - interval '5 days', consecutive_failures = 9 where id = $1`,
      [id],
    );
    fixture.refuse(500);
    await fixture.deliver(deliveryId);
    const told = await fixture.eventsAbout(`webhook:${id}`);
    expect(told.map((event) => event.type)).toEqual(['webhook.disabled', 'endpoint.disabled']);
    expect(JSON.stringify(told)).not.toContain('/hook');
    expect(JSON.stringify(told)).not.toContain(secret);
  });

  it('raises no event when it is news about deliveries itself', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id, {
      type: 'delivery.exhausted',
      data: { webhookId: 'other' },
    });
    fixture.refuse(500);
    for (let attempt = 1; attempt <= 3; attempt += 1) await fixture.deliver(deliveryId);
    expect(await fixture.deadLettersOf(deliveryId)).toHaveLength(1);
    expect(await fixture.eventsAbout(`delivery:${deliveryId}`)).toEqual([]);
    expect(await fixture.query('select consecutive_failures from webhook_endpoints where id = $1', [id])).toEqual([
      { consecutive_failures: 0 },
    ]);
  });

  it('tells once that its endpoint fails, and once that it has recovered', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    fixture.refuse(500);
    const patient = fixture.notifier({ webhookRetryScheduleMs: Array(20).fill(0) });
    const { deliveryId } = await addDelivery(fixture.db, id);
    for (let attempt = 1; attempt <= 12; attempt += 1) await fixture.deliver(deliveryId, patient);
    fixture.receiver.answer = (response) => response.writeHead(204).end();
    await fixture.deliver(deliveryId, patient);
    expect((await fixture.eventsAbout(`webhook:${id}`)).map((event) => event.type)).toEqual([
      'endpoint.failing',
      'delivery.recovered',
    ]);
  });
});

it('a wake-up for what does not exist, or lives in another workspace, does nothing', async () => {
  const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
  const { deliveryId } = await addDelivery(fixture.db, id);
  const elsewhere = { ...(await fixture.payload(deliveryId)), workspaceId: '00000000-0000-4000-8000-000000000000' };
  expect(await fixture.notifier().deliver(elsewhere)).toEqual({ kind: 'done', wakeups: [] });
  expect(await fixture.deliver('00000000-0000-4000-8000-000000000001')).toEqual({ kind: 'done', wakeups: [] });
  expect(fixture.receiver.received).toHaveLength(0);
});
