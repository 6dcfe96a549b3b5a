import type { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { newSecret } from '@houston/common/webhooks/signature.js';
import { v7 as newId } from 'uuid';
import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { DeliveryFixture } from '../../../../test/support/delivery-fixture.js';
import { until } from '../../../../test/support/until.js';
import { DeliverySweeper } from './delivery-sweeper.js';
import { SweepStore } from './sweep.store.js';

let fixture: DeliveryFixture;

beforeEach(async () => {
  fixture = await DeliveryFixture.open();
});
afterEach(() => fixture.close());

const inAll = <Row>(sql: string, values: unknown[] = []) =>
  fixture.db.database.inOrganization(fixture.db.organizationId, (tx) => tx.query<Row>(sql, values));

async function otherWorkspace(): Promise<typeof fixture.db> {
  const workspaceId = newId();
  await inAll(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'other', 'Other')`, [
    fixture.db.organizationId,
    workspaceId,
  ]);
  return { ...fixture.db, workspaceId };
}

/** So many endpoints, each with a delivery that has been due for an hour. */
async function deadFleet(count: number): Promise<void> {
  const { organizationId, workspaceId } = fixture.db;
  await inAll(
    `insert into webhook_endpoints (organization_id, workspace_id, id, url, events, failing_since, consecutive_failures)
     select $1, $2, gen_random_uuid(), 'http://127.0.0.1:1/' || n, '{*}', case when n % 2 = 0 then now() end, (n + 1) % 2
       from generate_series(1, $3::int) n`,
    [organizationId, workspaceId, count],
  );
  await inAll(
    `insert into webhook_secrets (organization_id, workspace_id, endpoint_id, number, secret)
     select organization_id, workspace_id, id, 1, $2 from webhook_endpoints where workspace_id = $1`,
    [workspaceId, newSecret()],
  );
  await inAll(
    `insert into deliveries (organization_id, workspace_id, id, endpoint_id, event_id, event_seq, type, body, next_attempt_at)
     select organization_id, workspace_id, gen_random_uuid(), id, gen_random_uuid(), 1, 'task.created', '{}', now() - interval '1 hour'
       from webhook_endpoints where workspace_id = $1`,
    [workspaceId],
  );
}

describe('10,000 dead endpoints of one workspace', () => {
  it('do not go before the delivery of another, though all of theirs are older', async () => {
    await deadFleet(10_000);
    const other = await otherWorkspace();
    const endpoint = await addEndpoint(other, fixture.receiver.url);
    const { deliveryId } = await addDelivery(other, endpoint.id);
    await inAll(`update deliveries set next_attempt_at = now() - interval '5 seconds' where id = $1`, [deliveryId]);
    const woken: Wakeup[] = [];
    const producer = {
      add: async (wakeups: readonly Wakeup[]) => {
        woken.push(...wakeups);
      },
    } as unknown as QueueProducer;
    const sweeper = new DeliverySweeper(fixture.db.database, producer, new SweepStore());
    await sweeper.runOnce();
    const hurried = woken.filter(({ priority }) => priority !== 'low');
    expect(hurried.map(({ payload }) => (payload as { deliveryId: string }).deliveryId)).toContain(deliveryId);
    expect(hurried.length).toBeLessThanOrEqual(51);
    // The others follow with the next sweeps.
    expect(woken).toHaveLength(5_001);
    await sweeper.runOnce();
    expect(woken).toHaveLength(10_002);
  });

  it('wait in their rows and not in the queue, and find the places of the others free', async () => {
    const answers: (() => void)[] = [];
    fixture.receiver.answer = (response) => void answers.push(() => response.writeHead(500).end());
    await deadFleet(200);
    await inAll('update webhook_endpoints set url = $1', [fixture.receiver.url]);
    const service = fixture.notifier({ webhookRetryScheduleMs: [0, 60_000] });
    const rows = await inAll<{ id: string }>('select id from deliveries');
    const deliveries = rows.map(({ id }) => fixture.deliver(id, service));
    await until(async () => answers.length === 30);
    const putOff = () =>
      inAll('select 1 from deliveries where next_attempt_at > clock_timestamp() and attempt_count = 0');
    await until(async () => (await putOff()).length > 0);
    const other = await otherWorkspace();
    const endpoint = await addEndpoint(other, fixture.receiver.url);
    const { deliveryId } = await addDelivery(other, endpoint.id);
    const { organizationId, workspaceId } = other;
    const delivered = service.deliver({ organizationId, workspaceId, deliveryId, endpointId: endpoint.id });
    await until(async () => answers.length === 31);
    for (const answer of answers) answer();
    expect(await delivered).toMatchObject({ kind: 'done' });
    await Promise.all(deliveries);
  });
});
