import type { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { addChannel, addNotification } from '../../../../test/factories/notifications.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { NotificationCleaner } from './notification-cleaner.js';
import { NotificationSweepStore } from './notification-sweep.store.js';
import { NotificationSweeper } from './notification-sweeper.js';

let db: TestDatabase;
let channelId: string;

beforeAll(async () => {
  db = await openTestDatabase();
  channelId = (await addChannel(db)).id;
});
afterAll(() => db.close());
beforeEach(() => query('delete from notifications'));

const query = <T>(sql: string, parameters: unknown[] = []) =>
  db.database.inWorkspace(db, (tx) => tx.query<T>(sql, parameters));
/** Due so many seconds ago. */
const add = async (secondsAgo: number) => {
  const id = await addNotification(db, { channelId, channel: 'slack' });
  await query(`update notifications set next_attempt_at = now() - make_interval(secs => $2) where id = $1`, [
    id,
    secondsAgo,
  ]);
  return id;
};
const sweep = async () => {
  const added: Wakeup[] = [];
  const producer = { add: async (wakeups: readonly Wakeup[]) => void added.push(...wakeups) };
  await new NotificationSweeper(db.database, producer as QueueProducer, new NotificationSweepStore()).runOnce();
  return added.map((wakeup) => wakeup.id);
};

it('wakes what is due, the longest overdue first, past a wake-up that may be stuck; and not what is not due yet', async () => {
  const [soon, due, late] = [await add(-60), await add(5), await add(20)];
  expect(await sweep()).toEqual([`notification.${late}.0.late`, `notification.${due}.0`]);
  expect((await sweep()).join()).not.toContain(soon);
});

it('leaves alone what is being sent, and wakes it when whoever sent it has died', async () => {
  const id = await add(5);
  const claim = (until: string) =>
    query(
      `update notifications set status = 'attempted', attempt_count = 1, claimed_at = now(), claimed_until = ${until}
        where id = $1`,
      [id],
    );
  await claim(`now() + interval '30 seconds'`);
  expect(await sweep()).toEqual([]);
  await claim('now()');
  expect(await sweep()).toEqual([`notification.${id}.1`]);
});

it('leaves alone what a workspace holds back', async () => {
  await add(5);
  await query(`update workspaces set settings = '{"features": {"notifications": false}}'`);
  expect(await sweep()).toEqual([]);
  await query(`update workspaces set settings = '{}'`);
  expect(await sweep()).toHaveLength(1);
});

it('takes the earliest five thousand at a time, each once', async () => {
  await query(
    `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, channel_id, title, text,
                                subject, next_attempt_at)
     select $1, $2, gen_random_uuid(), gen_random_uuid(), 'x.y', 'slack', $3, 't', '', 's:1', now() - interval '1 hour'
       from generate_series(1, 5200)`,
    [db.organizationId, db.workspaceId, channelId],
  );
  const swept = await sweep();
  expect(swept).toHaveLength(5_000);
  expect(new Set(swept).size).toBe(5_000);
});

it('in the end old ones are removed, but none that waits, stands in an inbox or among the dead letters', async () => {
  const [gone, kept, waiting] = [await add(0), await add(0), await add(0)];
  await query(
    `update notifications set status = 'poisoned', next_attempt_at = null, created_at = now() - interval '31 days'
      where id = any($1)`,
    [[gone, kept]],
  );
  await query(`update notifications set created_at = now() - interval '31 days' where id = $1`, [waiting]);
  await query(
    `insert into dead_letters (organization_id, workspace_id, id, kind, notification_id, reason, summary)
     values ($1, $2, gen_random_uuid(), 'notification', $3, 'attempts', '{}')`,
    [db.organizationId, db.workspaceId, kept],
  );
  expect(await new NotificationCleaner(db.database, new NotificationSweepStore()).runOnce()).toEqual({ removed: 1 });
  const left = await query<{ id: string }>('select id from notifications');
  expect(left.map((row) => row.id).sort()).toEqual([kept, waiting].sort());
});
