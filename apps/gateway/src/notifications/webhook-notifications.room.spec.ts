import { v7 as newId } from 'uuid';
import { addMember, addNotification } from '../../../../test/factories/notifications.js';
import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { NotificationView } from './notification.view.js';

interface List {
  items: NotificationView[];
  nextCursor: string | null;
}

describe('deliveries to webhooks among the notifications', () => {
  let gateway: TestGateway;
  let webhook: string;

  beforeEach(async () => {
    gateway = await startGateway();
    webhook = (await addEndpoint(gateway.db, 'https://example.com/hook')).id;
  });
  afterEach(() => gateway.close());

  const query = (sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inWorkspace(gateway.db, (tx) => tx.query(sql, parameters));
  const list = async (filter = '', client: ApiClient = gateway.owner) =>
    bodyOf<List>(await client.get(`/api/notifications${filter}`), 200);
  const idsOf = ({ items }: List) => items.map(({ id }) => id);
  const attempted = async (status: string, { errorClass = 'http_error', code = 503 } = {}) => {
    const { deliveryId } = await addDelivery(gateway.db, webhook);
    const error = status === 'delivered' ? null : errorClass;
    await query(
      `insert into delivery_attempts (organization_id, workspace_id, delivery_id, number, trigger, at, duration_ms, status, error_class)
       values ($1, $2, $3, 2, 'automatic', now(), 30, $4, $5)`,
      [gateway.db.organizationId, gateway.db.workspaceId, deliveryId, error === null ? 204 : code, error],
    );
    await query(
      `update deliveries set attempt_count = 2, status = $2,
              next_attempt_at = case when $2 = 'pending' then next_attempt_at end where id = $1`,
      [deliveryId, status],
    );
    return deliveryId;
  };
  const givenUp = async (reason: string) => {
    const id = await attempted('exhausted');
    await query(
      `insert into dead_letters (organization_id, workspace_id, id, kind, delivery_id, reason, summary)
       values ($1, $2, $3, 'webhook', $4, $5, '{}')`,
      [gateway.db.organizationId, gateway.db.workspaceId, newId(), id, reason],
    );
    return id;
  };

  it('have the shape of all the others, without what is sent', async () => {
    const { deliveryId: id, eventId } = await addDelivery(gateway.db, webhook);
    const answer = await gateway.owner.get('/api/notifications?channel=webhook');
    expect(bodyOf<List>(answer, 200).items).toEqual([
      {
        ...{ id, channel: 'webhook', recipient: { webhook }, status: 'queued', attempts: 0, lastError: null },
        ...{ nextAttemptAt: expect.any(String), type: 'budget.threshold_crossed', subject: 'budget:b', eventId },
        ...{ createdAt: expect.any(String), deliveredAt: null },
      },
    ]);
    expect(answer.text).not.toContain('Zürich');
    expect(answer.text).not.toContain('example.com');
  });

  it('fare by the same words, each found by its own and by no other', async () => {
    const { deliveryId: queued } = await addDelivery(gateway.db, webhook);
    const expected = {
      queued,
      attempted: await attempted('pending'),
      delivered: await attempted('delivered'),
      failed: await givenUp('permanent'),
      poisoned: await givenUp('attempts'),
    };
    for (const [status, id] of Object.entries(expected)) {
      const { items } = await list(`?channel=webhook&status=${status}`);
      expect(items.map((item) => [item.id, item.status])).toEqual([[id, status]]);
    }
    const { items } = await list('?channel=webhook');
    expect(
      items.map(({ attempts, lastError, nextAttemptAt, deliveredAt }) => [
        ...[attempts, lastError, nextAttemptAt === null, deliveredAt === null],
      ]),
    ).toEqual([
      [2, 'http_error (503)', true, true],
      [2, 'http_error (503)', true, true],
      [2, null, true, false],
      [2, 'http_error (503)', false, true],
      [0, null, false, true],
    ]);
  });

  it('stand among the others in one order, over all pages, and only where nothing else is asked for', async () => {
    const { id: memberId } = await addMember(gateway.db);
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      ids.push((await addDelivery(gateway.db, webhook)).deliveryId);
      ids.push(await addNotification(gateway.db, { memberId, channel: 'email' }));
    }
    ids.reverse();
    expect(idsOf(await list())).toEqual(ids);
    const seen: string[] = [];
    let page = await list('?limit=3');
    for (;;) {
      seen.push(...idsOf(page));
      if (page.nextCursor === null) break;
      page = await list(`?limit=3&cursor=${page.nextCursor}`);
    }
    expect(seen).toEqual(ids);
    const mails = await list('?channel=email');
    expect(mails.items).toHaveLength(4);
    expect(mails.items.every(({ channel }) => channel === 'email')).toBe(true);
  });

  it('are not seen from another workspace', async () => {
    await addDelivery(gateway.db, webhook);
    const { slug } = await gateway.workspace('elsewhere');
    expect(await list('', gateway.as(gateway.db.ownerKey, slug))).toEqual({ items: [], nextCursor: null });
  });
});
