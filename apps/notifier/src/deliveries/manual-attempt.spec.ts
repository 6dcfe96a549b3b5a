import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { DeliveryFixture } from '../../../../test/support/delivery-fixture.js';

let fixture: DeliveryFixture;

beforeAll(async () => {
  fixture = await DeliveryFixture.open();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

describe('an attempt that somebody asked for', () => {
  const ask = (deliveryId: string) =>
    fixture.query('update deliveries set manual_attempt_at = now() where id = $1', [deliveryId]);

  it('sends what was delivered already once more, under the same id', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.deliver(deliveryId);
    await ask(deliveryId);
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received[1]!.headers['webhook-id']).toBe(
      fixture.receiver.received[0]!.headers['webhook-id'],
    );
    expect((await fixture.attemptsOf(deliveryId)).map((attempt) => attempt.trigger)).toEqual(['automatic', 'manual']);
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(2);
  });

  it('leaves a delivered one delivered when it fails', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.deliver(deliveryId);
    fixture.refuse(500);
    await ask(deliveryId);
    await fixture.deliver(deliveryId);
    expect(await fixture.stateOf(deliveryId)).toMatchObject({ status: 'delivered', due_at: null });
    expect(await fixture.deadLettersOf(deliveryId)).toEqual([]);
  });

  it('costs a pending delivery none of its schedule', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.refuse(500);
    await fixture.query(`update deliveries set next_attempt_at = now() + interval '1 hour' where id = $1`, [
      deliveryId,
    ]);
    await ask(deliveryId);
    await fixture.deliver(deliveryId);
    const state = await fixture.stateOf(deliveryId);
    expect(state).toMatchObject({ status: 'pending', schedule_step: 0, attempt_count: 1 });
    expect(state.due_at!.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  });

  it('closes the dead letter when it arrives after all', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.refuse(500);
    for (let attempt = 1; attempt <= 3; attempt += 1) await fixture.deliver(deliveryId);
    fixture.receiver.answer = (response) => response.writeHead(204).end();
    await ask(deliveryId);
    await fixture.deliver(deliveryId);
    expect(await fixture.stateOf(deliveryId)).toMatchObject({ status: 'delivered' });
    expect(await fixture.deadLettersOf(deliveryId)).toMatchObject([{ status: 'replayed' }]);
  });
});
