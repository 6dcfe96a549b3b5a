import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { DeliveryFixture } from '../../../../test/support/delivery-fixture.js';
import { startReceiver } from '../../../../test/support/webhook-receiver.js';
import { until } from '../../../../test/support/until.js';
import type { WakeupAnswer } from '../wakeup-answer.js';

let fixture: DeliveryFixture;

beforeAll(async () => {
  fixture = await DeliveryFixture.open();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

describe('a hostile endpoint', () => {
  it('that redirects is not followed', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    fixture.receiver.answer = (response) => response.writeHead(302, { location: fixture.receiver.url }).end();
    await fixture.deliver(deliveryId);
    expect(fixture.receiver.received).toHaveLength(1);
    expect(await fixture.attemptsOf(deliveryId)).toMatchObject([{ status: 302, error_class: 'redirect' }]);
  });

  it('whose address has become private is not reached', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.deliver(deliveryId, fixture.notifier({ webhookAllowCidrs: [] }));
    expect(fixture.receiver.received).toHaveLength(0);
    expect(await fixture.attemptsOf(deliveryId)).toMatchObject([{ status: null, error_class: 'blocked_address' }]);
  });

  it('that answers with 200 MB is read for 20 kB only', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    let sentBytes = 0;
    fixture.receiver.answer = (response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const pour = (): void => {
        while (!response.destroyed && sentBytes < 200 * 1024 * 1024) {
          sentBytes += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', pour);
        }
        response.end();
      };
      response.writeHead(500);
      pour();
    };
    await fixture.deliver(deliveryId);
    const [attempt] = await fixture.attemptsOf(deliveryId);
    expect(attempt).toMatchObject({ status: 500, error_class: 'http_error', response_truncated: true });
    expect(attempt!.response!.length).toBe(20 * 1024);
    expect(sentBytes).toBeLessThan(20 * 1024 * 1024);
  });

  it('that drips its answer is let go, and judged by its status', async () => {
    const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
    const { deliveryId } = await addDelivery(fixture.db, id);
    let drip: NodeJS.Timeout | undefined;
    fixture.receiver.answer = (response) => {
      response.writeHead(200);
      drip = setInterval(() => response.write('.'), 50);
    };
    await fixture.deliver(deliveryId);
    clearInterval(drip);
    const [attempt] = await fixture.attemptsOf(deliveryId);
    expect(attempt).toMatchObject({ status: 200, error_class: null, response_truncated: true });
    // It would drip for ever.
    expect(attempt!.duration_ms).toBeLessThan(12_000);
  });

  it('that hangs takes no more than its few slots: deliveries to others go on', async () => {
    const hanging = await addEndpoint(fixture.db, fixture.receiver.url);
    const other = await startReceiver();
    const healthy = await addEndpoint(fixture.db, other.url);
    const service = fixture.notifier();
    const parked: (() => void)[] = [];
    fixture.receiver.answer = (response) => void parked.push(() => response.writeHead(500).end());
    const stuck: Promise<WakeupAnswer>[] = [];
    for (let count = 0; count < 6; count += 1) {
      stuck.push(fixture.deliver((await addDelivery(fixture.db, hanging.id)).deliveryId, service));
    }
    await fixture.deliver((await addDelivery(fixture.db, healthy.id)).deliveryId, service);
    expect(other.received).toHaveLength(1);
    // Which two of the six were first is chance.
    const answered: WakeupAnswer[] = [];
    for (const answer of stuck) void answer.then((given) => answered.push(given));
    await until(() => answered.length === 4);
    expect(fixture.receiver.received).toHaveLength(2);
    // The others come again: soon by the queue, later by their rows.
    const later = await fixture.db.database.inWorkspace(fixture.db, (tx) =>
      tx.query(`select 1 from deliveries where endpoint_id = $1 and attempt_count = 0 and due_at > now()`, [
        hanging.id,
      ]),
    );
    expect(answered.filter((answer) => answer.kind === 'snooze').length + later.length).toBe(4);
    parked.forEach((answer) => answer());
    await Promise.all(stuck);
    await other.close();
  });
});
