import type { HoustonConfig } from '@houston/common/config/config.js';
import type { WorkspaceScope } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { Relay } from '@houston/common/events/relay.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { v7 as newId } from 'uuid';
import { addEndpoint } from '../../../../test/factories/webhooks.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { DeliveryWriter } from './delivery-writer.js';
import { FanOutDuty } from './fan-out.js';
import { FanOutStore } from './fan-out.store.js';
import { WebhookRoute } from './webhook-route.js';
import { WebhookRouteStore } from './webhook-route.store.js';

const URL = 'https://example.com/hook';
const MOST_AT_ONCE = 500;
let db: TestDatabase;
let woken: Wakeup[];

beforeEach(async () => {
  db = await openTestDatabase();
  woken = [];
});
afterEach(() => db.close());

const store = new WebhookRouteStore();
const fanOuts = new FanOutStore();
const writer = new DeliveryWriter(store, fanOuts, { webhookRetryScheduleMs: [0] } as HoustonConfig);
const queue = { add: async (wakeups: readonly Wakeup[]) => void woken.push(...wakeups) };
const duty = (producer = queue, deliveries = writer) =>
  new FanOutDuty(db.database, producer, fanOuts, store, deliveries);

async function relay(): Promise<void> {
  await untilSettled(db.database, db.organizationId);
  await new Relay(db.database, queue, [new WebhookRoute(store, writer)]).runOnce();
}

/** Until nothing is left to be told. @returns what each run wrote */
async function fanOut(by = duty()): Promise<number[]> {
  const pages: number[] = [];
  for (let before = (await told()).length; ;) {
    const { events = 0 } = await by.runOnce();
    if (events === 0) return pages;
    const after = (await told()).length;
    pages.push(after - before);
    before = after;
  }
}

const query = <T>(sql: string, values: unknown[] = []) =>
  db.database.inOrganization(db.organizationId, (tx) => tx.query<T>(sql, values));
const told = () =>
  query<{ endpoint_id: string; workspace_id: string }>('select endpoint_id, workspace_id from deliveries');

const happen = (where: WorkspaceScope = db, times = 1) =>
  db.database.inWorkspace({ organizationId: db.organizationId, workspaceId: where.workspaceId }, async (tx) => {
    for (let n = 0; n < times; n += 1) {
      await appendEvent(tx, { type: 'budget.frozen', actor: 'system', subject: 'budget:b', data: { n } });
    }
  });

const addCrowd = (count: number) =>
  query(
    `insert into webhook_endpoints (organization_id, workspace_id, id, url, events)
     select $1, $2, gen_random_uuid(), $3, '{*}' from generate_series(1, $4)`,
    [db.organizationId, db.workspaceId, URL, count],
  );

async function addWorkspace(): Promise<WorkspaceScope> {
  const scope = { organizationId: db.organizationId, workspaceId: newId() };
  await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'other', 'Other')`, [
    ...[scope.organizationId, scope.workspaceId],
  ]);
  return scope;
}

describe('an event with thousands of endpoints', () => {
  it('keeps no event of another workspace waiting, and reaches each endpoint once, page by page', async () => {
    await addCrowd(1_100);
    const other = await addWorkspace();
    await addEndpoint({ ...db, ...other }, URL);
    await happen();
    await happen(other);
    await relay();
    const first = await told();
    expect(first.filter((row) => row.workspace_id === other.workspaceId)).toHaveLength(1);
    expect(first.length).toBeLessThanOrEqual(MOST_AT_ONCE);
    const pages = await fanOut();
    expect(Math.max(...pages)).toBeLessThanOrEqual(MOST_AT_ONCE);
    const ids = (await told()).map((row) => row.endpoint_id);
    expect(ids).toHaveLength(1_101);
    expect(new Set(ids).size).toBe(1_101);
    expect(new Set(woken.map((wakeup) => wakeup.id)).size).toBe(1_101);
  });

  it('is told by several processes at the same time without a gap or a repetition', async () => {
    await addCrowd(1_100);
    await happen(db, 2);
    await relay();
    await Promise.all([fanOut(), fanOut(), fanOut()]);
    await fanOut();
    expect(await told()).toHaveLength(2_200);
    expect(woken).toHaveLength(2_200);
  });

  it('goes on where it stood after a page that failed', async () => {
    await addCrowd(600);
    await happen();
    await relay();
    const before = await told();
    const failing = Object.assign(Object.create(writer) as DeliveryWriter, {
      write: async (...args: Parameters<DeliveryWriter['write']>) => {
        await writer.write(...args);
        throw new Error('killed in the middle');
      },
    });
    await expect(duty(queue, failing).runOnce()).rejects.toThrow('The fan-out of 1 workspaces failed');
    expect(await told()).toHaveLength(before.length);
    await fanOut();
    expect(await told()).toHaveLength(600);
  });

  it('writes every delivery while the queue cannot be reached: they are due, and a sweeper finds them', async () => {
    await addCrowd(300);
    await happen();
    await relay();
    const unreachable = duty({ add: () => Promise.reject(new Error('queue gone')) });
    await expect(unreachable.runOnce()).rejects.toThrow('The fan-out of 1 workspaces failed');
    expect(await told()).toHaveLength(300);
    expect(await fanOut()).toEqual([]);
  });

  it('waits for nobody who is deleting the workspace', async () => {
    await addCrowd(300);
    await happen();
    await relay();
    await db.database.inOrganization(db.organizationId, async (tx) => {
      await tx.query('select 1 from workspaces where id = $1 for update', [db.workspaceId]);
      expect(await duty().runOnce()).toEqual({ events: 0 });
    });
    await fanOut();
    expect(await told()).toHaveLength(300);
  });

  it('leaves out endpoints that are gone or disabled when it comes to them', async () => {
    await addCrowd(600);
    await happen();
    await relay();
    const reached = (await told()).length;
    await query(`delete from webhook_endpoints where id not in (select endpoint_id from deliveries)
                    and id in (select id from webhook_endpoints order by id desc limit 10)`);
    await query(`update webhook_endpoints set status = 'disabled', disabled_reason = 'by_user'
                  where id in (select id from webhook_endpoints order by id desc limit 10)`);
    await fanOut();
    expect(reached).toBeLessThan(580);
    expect(await told()).toHaveLength(580);
  });
});

describe('a burst of events', () => {
  it('to a few endpoints is cut into turns as well, and loses none', async () => {
    await addCrowd(3);
    await happen(db, 400);
    await relay();
    expect((await told()).length).toBeLessThanOrEqual(MOST_AT_ONCE);
    const pages = await fanOut();
    expect(Math.max(...pages)).toBeLessThanOrEqual(MOST_AT_ONCE);
    expect(await told()).toHaveLength(1_200);
  });

  it('is taken in batches, also from a table whose statistics lag behind', async () => {
    await addCrowd(3);
    await happen(db, 400);
    await relay();
    const left = () => query('select 1 from webhook_fan_outs');
    const before = await left();
    const taken = await db.database.inOrganization(db.organizationId, (tx) => fanOuts.take(tx, db.workspaceId, 100));
    expect(before.length).toBeGreaterThan(200);
    expect(taken).toHaveLength(100);
    expect(await left()).toHaveLength(before.length - 100);
  });

  it('lets the deliveries of others go first, though it comes in many small pages', async () => {
    await addCrowd(3);
    await happen(db, 400);
    const from = performance.now();
    await relay();
    await fanOut();
    const hurried = woken.filter(({ priority }) => priority !== 'low');
    expect(woken).toHaveLength(1_200);
    // Fifty in two seconds, however long this takes here.
    expect(hurried.length).toBeLessThanOrEqual(50 * (1 + Math.ceil((performance.now() - from) / 2_000)));
    expect(hurried.length).toBeGreaterThanOrEqual(50);
  });
});
