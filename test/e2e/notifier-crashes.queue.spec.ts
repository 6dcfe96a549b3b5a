import type { Client } from 'pg';
import { addChannel, addMember, addNotification } from '../factories/notifications.js';
import { administer, openTestDatabase, type TestDatabase } from '../support/database.js';
import { type MailServer, startMailServer } from '../support/mail-server.js';
import { ensureBuilt, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

// A database of its own in the shared Redis, beside the other suite that kills processes.
const redisUrl = process.env['REDIS_URL'] ? `${process.env['REDIS_URL']}/8` : '';
/** A job that died with its worker is free again after up to a minute. */
const WITHIN_MS = 90_000;

interface State {
  status: string;
  attempt_count: number;
  claimed: boolean;
}

describe(`a notifier that is killed, with the queues in ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let db: TestDatabase;
  let slack: WebhookReceiver;
  let mail: MailServer;
  let notifier: ServiceProcess;
  let channelId: string;

  beforeAll(async () => {
    ensureBuilt();
    db = await openTestDatabase();
    slack = await startReceiver();
    mail = await startMailServer();
    channelId = (await addChannel(db, { url: slack.url, events: ['none.such'] })).id;
    notifier = await startService('notifier', {
      ...{ DATABASE_URL: db.url, REDIS_URL: redisUrl, WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' },
      ...{ SMTP_URL: mail.url, NOTIFY_RETRY_SCHEDULE: '0s,1s,1s,1s,1s' },
    });
  }, 60_000);
  afterAll(async () => {
    await notifier.stop();
    await slack.close();
    await mail.close();
    await db.close();
  });
  beforeEach(() => {
    slack.received.length = 0;
    slack.answer = (response) => response.writeHead(200).end('ok');
  });

  const query = <T>(sql: string, parameters: unknown[] = []) =>
    db.database.inWorkspace(db, (tx) => tx.query<T>(sql, parameters));
  const stateOf = async (id: string) => {
    const sql = 'select status, attempt_count, claimed_until is not null as claimed from notifications where id = $1';
    return (await query<State>(sql, [id]))[0]!;
  };
  const arrives = (id: string) => until(async () => (await stateOf(id)).status === 'delivered', WITHIN_MS);
  const attemptsOf = async (id: string) =>
    (
      await query<{ error_class: string | null }>(
        'select error_class from notification_attempts where notification_id = $1 order by number',
        [id],
      )
    ).map((row) => row.error_class);
  /** What is due for a while: the sweeper looks for it, as no wake-up was added. */
  const dueSince = async (add: Promise<string>) => {
    const id = await add;
    await query(`update notifications set next_attempt_at = now() - interval '10 seconds' where id = $1`, [id]);
    return id;
  };
  const toSlack = () => dueSince(addNotification(db, { channelId, channel: 'slack' }));
  const seen = (id: string) => slack.received.filter(({ headers }) => headers['x-houston-notification'] === id).length;
  /** Its claim keeps others away for half a minute; this is that half minute. */
  const passClaim = () => query('update notifications set claimed_until = now() where claimed_until is not null');
  const killAndRestart = async () => {
    await notifier.kill();
    await passClaim();
    await notifier.start();
  };

  /** For a lock that the transaction of this client holds. */
  const untilSomebodyWaits = (client: Client) =>
    until(async () => {
      // A transaction sees the activity of others as it was when it first looked.
      await client.query('select pg_stat_clear_snapshot()');
      const { rows } = await client.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
            and query ilike '%notification%'`,
      );
      return rows.length > 0;
    }, WITHIN_MS);

  it('before it has sent sends after its restart, once', async () => {
    const id = await addNotification(db, { channelId, channel: 'slack' });
    // Nobody begins before the table is held.
    await query(`update notifications set next_attempt_at = now() + interval '5 seconds' where id = $1`, [id]);
    // Whoever begins an attempt writes; nobody can while the table is held.
    await administer(db.url, async (client) => {
      await client.query('begin');
      await client.query('lock table notifications in exclusive mode');
      await untilSomebodyWaits(client);
      await notifier.kill();
      await client.query('rollback');
    });
    expect([seen(id), (await stateOf(id)).attempt_count]).toEqual([0, 0]);
    await notifier.start();
    await arrives(id);
    expect(seen(id)).toBe(1);
    expect(await attemptsOf(id)).toEqual([null]);
  }, 200_000);

  it('after it has sent, before it was answered, sends again under the same id, and both attempts are on record', async () => {
    slack.answer = () => undefined;
    const id = await toSlack();
    await until(() => seen(id) === 1, WITHIN_MS);
    expect(await stateOf(id)).toMatchObject({ status: 'attempted', claimed: true });
    slack.answer = (response) => response.writeHead(200).end('ok');
    await killAndRestart();
    await arrives(id);
    expect(seen(id)).toBe(2);
    expect(await attemptsOf(id)).toEqual(['interrupted', null]);
  }, 200_000);

  it('before it has committed what came of it sends again, and the notification is delivered once', async () => {
    let release: () => void = () => undefined;
    slack.answer = (response) => void (release = () => response.writeHead(200).end('ok'));
    const id = await toSlack();
    await until(() => seen(id) === 1, WITHIN_MS);
    await administer(db.url, async (client) => {
      await client.query('begin');
      await client.query('select 1 from notifications where id = $1 for update', [id]);
      release();
      await untilSomebodyWaits(client);
      await notifier.kill();
      // What the dead process had asked for dies with it, as when Postgres notices that it is gone; waited for, because the
      // rollback would let it go on.
      await client.query(
        `select pg_terminate_backend(pid, 30000) from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query ilike '%notification%'`,
      );
      await client.query('rollback');
    });
    expect(await stateOf(id)).toMatchObject({ status: 'attempted', claimed: true });
    slack.answer = (response) => response.writeHead(200).end('ok');
    await passClaim();
    await notifier.start();
    await arrives(id);
    expect(seen(id)).toBe(2);
    expect(await query(`select 1 from dead_letters where notification_id = $1`, [id])).toEqual([]);
  }, 200_000);

  it('while a mail server keeps it waiting after the data sends the same mail again, under the same Message-ID', async () => {
    mail.answers = false;
    const { id: memberId } = await addMember(db);
    const id = await dueSince(addNotification(db, { memberId, channel: 'email' }));
    await until(() => mail.received.length === 1, WITHIN_MS);
    mail.answers = true;
    await killAndRestart();
    await arrives(id);
    expect(mail.received.map(({ headers }) => headers.get('message-id'))).toEqual([
      `<${id}@localhost>`,
      `<${id}@localhost>`,
    ]);
  }, 200_000);
});
