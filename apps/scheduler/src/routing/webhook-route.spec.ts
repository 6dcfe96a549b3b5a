import type { HoustonConfig } from '@houston/common/config/config.js';
import type { WorkspaceScope } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { type LedgerEvent, readEvents } from '@houston/common/events/event-reader.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { v7 as newId } from 'uuid';
import { addEndpoint } from '../../../../test/factories/webhooks.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { DeliveryWriter } from './delivery-writer.js';
import { FanOutStore } from './fan-out.store.js';
import { WebhookRoute } from './webhook-route.js';
import { WebhookRouteStore } from './webhook-route.store.js';

const URL = 'https://example.com/hook';
let db: TestDatabase;

beforeEach(async () => {
  db = await openTestDatabase();
});
afterEach(() => db.close());

const routeWith = (webhookRetryScheduleMs: number[], store = new WebhookRouteStore()) =>
  new WebhookRoute(store, new DeliveryWriter(store, new FanOutStore(), { webhookRetryScheduleMs } as HoustonConfig));
const route = routeWith([0, 5_000]);
const inOrganization: TestDatabase['database']['inOrganization'] = (id, act) => db.database.inOrganization(id, act);

async function happen(type: string, more: { workspaceId?: string | null; data?: Record<string, unknown> } = {}) {
  const { workspaceId = db.workspaceId, data = {} } = more;
  await inOrganization(db.organizationId, (tx) =>
    appendEvent(tx, { type, actor: 'system', subject: 'thing:1', data, workspaceId }),
  );
}

async function relay(): Promise<Wakeup[]> {
  return inOrganization(db.organizationId, async (tx) => route.follow(tx, await settled()));
}

/** Everything that has happened, but the making of the installation. */
async function settled(): Promise<LedgerEvent[]> {
  await untilSettled(db.database, db.organizationId);
  const events = await inOrganization(db.organizationId, (tx) => readEvents(tx, { position: '0', seq: '0' }, 100));
  return events.filter((event) => event.type !== 'key.created');
}

const deliveries = () =>
  inOrganization(db.organizationId, (tx) =>
    tx.query<{ id: string; endpoint_id: string; type: string; workspace_id: string; body: string; due_at: Date }>(
      'select * from deliveries order by event_seq, id',
    ),
  );

async function addWorkspace(slug: string): Promise<WorkspaceScope> {
  const workspaceId = newId();
  await inOrganization(db.organizationId, (tx) =>
    tx.query('insert into workspaces (organization_id, id, slug, name) values ($1, $2, $3, $3)', [
      db.organizationId,
      workspaceId,
      slug,
    ]),
  );
  return { organizationId: db.organizationId, workspaceId };
}

describe('who is told of an event', () => {
  it('is each enabled endpoint whose patterns select it, and nobody else', async () => {
    const told = await addEndpoint(db, URL, { events: ['lease.lost', 'budget.*'] });
    await addEndpoint(db, URL, { events: ['task.*'] });
    await addEndpoint(db, URL, { events: ['*'], status: 'disabled' });
    await happen('budget.frozen', { data: { name: 'Zürich' } });
    const wakeups = await relay();
    const [delivery, ...more] = await deliveries();
    expect(more).toEqual([]);
    expect(delivery).toMatchObject({ endpoint_id: told.id, type: 'budget.frozen' });
    expect(JSON.parse(delivery!.body)).toMatchObject({ type: 'budget.frozen', data: { name: 'Zürich' } });
    expect(wakeups).toEqual([
      {
        queue: 'webhook-deliveries',
        id: `delivery.${delivery!.id}.0`,
        payload: {
          organizationId: db.organizationId,
          workspaceId: db.workspaceId,
          deliveryId: delivery!.id,
          endpointId: told.id,
        },
        delayMs: 0,
      },
    ]);
  });

  it('is nobody in another workspace, but everybody when a budget of the organization is concerned', async () => {
    const other = await addWorkspace('other');
    const [own, foreign] = [await addEndpoint(db, URL), await addEndpoint({ ...db, ...other }, URL)];
    await happen('budget.frozen');
    await relay();
    expect((await deliveries()).map((row) => row.endpoint_id)).toEqual([own.id]);
    await happen('budget.exhausted', { workspaceId: null });
    await relay();
    const told = (await deliveries()).filter((row) => row.type === 'budget.exhausted');
    expect(told.map((row) => row.endpoint_id).sort()).toEqual([own.id, foreign.id].sort());
    expect(told.find((row) => row.endpoint_id === foreign.id)!.workspace_id).toBe(other.workspaceId);
  });

  it('is nobody when the organization makes a key or a workspace', async () => {
    await addEndpoint(db, URL);
    await happen('key.created', { workspaceId: null });
    await happen('workspace.deleted', { workspaceId: null });
    await relay();
    expect(await deliveries()).toEqual([]);
  });

  it('is not the endpoint that the news of failed deliveries is about', async () => {
    const [failing, watching] = [await addEndpoint(db, URL), await addEndpoint(db, URL)];
    await happen('delivery.exhausted', { data: { webhookId: failing.id } });
    await happen('endpoint.disabled', { data: { webhookId: failing.id } });
    await relay();
    expect((await deliveries()).map((row) => row.endpoint_id)).toEqual([watching.id, watching.id]);
  });

  it('is nobody when an endpoint is being tested: the test makes its own delivery', async () => {
    await addEndpoint(db, URL);
    await happen('webhook.test');
    expect(await relay()).toEqual([]);
    expect(await deliveries()).toEqual([]);
  });
});

describe('routing', () => {
  it('again writes nothing again', async () => {
    await addEndpoint(db, URL);
    await happen('budget.frozen');
    await relay();
    expect(await relay()).toEqual([]);
    expect(await deliveries()).toHaveLength(1);
  });

  it('survives an endpoint that is deleted at the same moment', async () => {
    const endpoint = await addEndpoint(db, URL);
    await happen('budget.frozen');
    const store = new WebhookRouteStore();
    const events = await settled();
    const overtaken = routeWith(
      [0],
      Object.assign(Object.create(store) as WebhookRouteStore, {
        enabledEndpoints: async (...args: Parameters<WebhookRouteStore['enabledEndpoints']>) => {
          const found = await store.enabledEndpoints(...args);
          await inOrganization(db.organizationId, (tx) =>
            tx.query('delete from webhook_endpoints where id = $1', [endpoint.id]),
          );
          return found;
        },
      }),
    );
    expect(await inOrganization(db.organizationId, (tx) => overtaken.follow(tx, events))).toEqual([]);
    expect(await deliveries()).toEqual([]);
  });

  it('sets the first attempt as the schedule says, give or take a fifth', async () => {
    await addEndpoint(db, URL);
    await happen('budget.frozen');
    const events = await settled();
    const slow = routeWith([100_000]);
    const [wakeup] = await inOrganization(db.organizationId, (tx) => slow.follow(tx, events));
    expect(wakeup!.delayMs).toBeGreaterThanOrEqual(80_000);
    expect(wakeup!.delayMs).toBeLessThanOrEqual(120_000);
    const [delivery] = await deliveries();
    expect(Math.abs(delivery!.due_at.getTime() - Date.now() - wakeup!.delayMs!)).toBeLessThan(5_000);
  });

  it('removes deliveries with their endpoint and with their workspace', async () => {
    const endpoint = await addEndpoint(db, URL);
    const other = await addWorkspace('other');
    await addEndpoint({ ...db, ...other }, URL);
    await happen('budget.exhausted', { workspaceId: null });
    await relay();
    expect(await deliveries()).toHaveLength(2);
    await inOrganization(db.organizationId, (tx) =>
      tx.query('delete from webhook_endpoints where id = $1', [endpoint.id]),
    );
    expect(await deliveries()).toHaveLength(1);
    await inOrganization(db.organizationId, (tx) =>
      tx.query('delete from workspaces where id = $1', [other.workspaceId]),
    );
    expect(await deliveries()).toEqual([]);
  });
});
