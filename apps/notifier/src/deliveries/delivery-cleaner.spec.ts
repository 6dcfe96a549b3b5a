import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { DeliveryFixture } from '../../../../test/support/delivery-fixture.js';
import { DeliveryCleaner } from './delivery-cleaner.js';
import { SweepStore } from './sweep.store.js';

let fixture: DeliveryFixture;

beforeAll(async () => {
  fixture = await DeliveryFixture.open();
});
afterAll(() => fixture.close());

it('removes what ended 30 days ago, and neither what is younger, pending, asked for, nor an open dead letter', async () => {
  const { id } = await addEndpoint(fixture.db, fixture.receiver.url);
  const make = async (change: string) => {
    const { deliveryId } = await addDelivery(fixture.db, id);
    await fixture.query(`update deliveries set ${change} where id = $1`, [deliveryId]);
    return deliveryId;
  };
  const ended = (status: string, days: number, more = '') =>
    make(`status = '${status}', next_attempt_at = null, created_at = now() - interval '${days} days 1 hour' ${more}`);
  const letter = (deliveryId: string, status: 'open' | 'discarded') =>
    fixture.query(
      `insert into dead_letters (organization_id, workspace_id, id, kind, delivery_id, reason, status, summary, resolved_at, resolved_by)
       values ($1, $2, gen_random_uuid(), 'webhook', $3, 'attempts', $4, '{}',
               case when $4 <> 'open' then now() end, case when $4 <> 'open' then 'system' end)`,
      [fixture.db.organizationId, fixture.db.workspaceId, deliveryId, status],
    );
  const old = await ended('delivered', 30);
  const decided = await ended('exhausted', 30);
  await letter(decided, 'discarded');
  const open = await ended('exhausted', 30);
  await letter(open, 'open');
  const kept = [
    open,
    await ended('delivered', 29),
    await ended('delivered', 31, ', manual_attempt_at = now()'),
    await make(`created_at = now() - interval '40 days'`),
  ];
  const cleaner = new DeliveryCleaner(fixture.db.database, new SweepStore());
  expect(await cleaner.runOnce()).toEqual({ removed: 2 });
  expect(await cleaner.runOnce()).toEqual({ removed: 0 });
  const left = await fixture.query<{ id: string }>('select id from deliveries');
  expect(left.map((row) => row.id).sort()).toEqual(kept.sort());
  expect(left.map((row) => row.id)).not.toContain(old);
});
