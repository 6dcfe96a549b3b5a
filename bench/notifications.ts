import { type ChildProcess, fork } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { v7 as newId } from 'uuid';
import type { Lab, LabDatabase } from './lab.js';

const DIST = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Slack channels that the load is spread over. */
const CHANNELS = 40;
/** Of these the first attempt is refused: what is measured is how late the second one comes. */
const RETRIED = 200;
const RETRY_SCHEDULE = '0s,5s,5s,5s';

const DUE = 3_000;
const WAITING = 100_000;

/** How notifications fare under load. */
export interface NotificationFigures {
  /** Sent and written down, with everything due at once. */
  perSecond: number;
  /** From due to sent, of those that fall due one after the other while others wait. */
  latenessP50Ms: number;
  latenessP99Ms: number;
  /** Rows that wait for another day meanwhile. */
  waiting: number;
}

/** On each backend of the queues, with many rows that wait. @param redisUrl null: there is no Redis to measure with */
export async function measureBoth(
  lab: Lab,
  redisUrl: string | null,
  say: (line: string) => void,
): Promise<Record<string, NotificationFigures>> {
  say('Sending notifications ...');
  const load = { due: DUE, waiting: WAITING };
  const postgres = await measureNotifications(await lab.database('notified'), load);
  if (redisUrl === null) return { Postgres: postgres };
  return {
    Postgres: postgres,
    Redis: await measureNotifications(await lab.database('notified_by_redis'), { ...load, redisUrl }),
  };
}

/** Runs one notifier against a Slack on this machine. @param redisUrl for its queues; without it they are in Postgres */
async function measureNotifications(
  database: LabDatabase,
  { due, waiting, redisUrl }: { due: number; waiting: number; redisUrl?: string },
): Promise<NotificationFigures> {
  const slack = await startSlack();
  const channels = await addChannels(database, slack.url);
  await addNotifications(database, channels, waiting, "now() + interval '1 day'");
  // Before the notifier comes: its sweeper then finds all of it.
  await addNotifications(database, channels, due, "now() - interval '10 seconds'");
  const notifier = await startNotifier(database.url, redisUrl);
  try {
    const perSecond = await ratePerSecond(database, due);
    slack.refusesFirst = true;
    await addNotifications(database, channels, RETRIED, "now() - interval '10 seconds'");
    await untilSent(database, waiting);
    return { perSecond, waiting, ...(await lateness(database)) };
  } finally {
    await stop(notifier);
    slack.server.close();
  }
}

interface Slack {
  url: string;
  server: Server;
  /** The first attempt of each notification is refused. */
  refusesFirst: boolean;
}

async function startSlack(): Promise<Slack> {
  const seen = new Set<unknown>();
  const server = createServer((request, response) => {
    const id = request.headers['x-houston-notification'];
    const isRefused = slack.refusesFirst && !seen.has(id);
    seen.add(id);
    request.resume();
    request.on('end', () => (isRefused ? response.writeHead(500).end() : response.writeHead(200).end('ok')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const slack: Slack = { url, server, refusesFirst: false };
  return slack;
}

async function startNotifier(databaseUrl: string, redisUrl = ''): Promise<ChildProcess> {
  const child = fork(path.join(DIST, 'apps', 'notifier', 'src', 'main.js'), [], {
    env: {
      ...process.env,
      ...{ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', LOG_LEVEL: 'error' },
      NOTIFY_RETRY_SCHEDULE: RETRY_SCHEDULE,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [{ type?: string } | number];
  if (typeof message !== 'object' || message.type !== 'ready') throw new Error('The notifier did not start');
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

async function addChannels({ client, organizationId, workspaceId }: LabDatabase, url: string): Promise<string[]> {
  const ids = Array.from({ length: CHANNELS }, () => newId());
  for (const id of ids) {
    await client.query(
      `insert into channels (organization_id, workspace_id, id, name, kind, events) values ($1, $2, $3, $4, 'slack', '{none.such}')`,
      [organizationId, workspaceId, id, id],
    );
    await client.query(
      `insert into channel_secrets (organization_id, workspace_id, channel_id, url) values ($1, $2, $3, $4)`,
      [organizationId, workspaceId, id, url],
    );
  }
  return ids;
}

async function addNotifications(
  { client, organizationId, workspaceId }: LabDatabase,
  channels: string[],
  count: number,
  dueAt: string,
): Promise<void> {
  await client.query(
    `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, channel_id, title, text,
                                subject, next_attempt_at)
     select $1, $2, gen_random_uuid(), gen_random_uuid(), 'bench.due', 'slack', ($3::uuid[])[1 + n % ${CHANNELS}],
            'Blocked', 'It waits.', 'task:1', ${dueAt}
       from generate_series(1, $4::int) n`,
    [organizationId, workspaceId, channels, count],
  );
}

/** From the first to the last delivery: what it takes to start does not count. */
async function ratePerSecond(database: LabDatabase, count: number): Promise<number> {
  for (;;) {
    const { rows } = await database.client.query<{ sent: number; seconds: number }>(
      `select count(*)::int as sent, extract(epoch from max(delivered_at) - min(delivered_at))::float8 as seconds
         from notifications where status = 'delivered'`,
    );
    const { sent = 0, seconds = 0 } = rows[0] ?? {};
    if (sent >= count) return (sent - 1) / seconds;
    await delay(250);
  }
}

async function untilSent(database: LabDatabase, waiting: number): Promise<void> {
  for (;;) {
    const { rows } = await database.client.query<{ open: number }>(
      'select count(*)::int as open from notifications where next_attempt_at is not null',
    );
    if ((rows[0]?.open ?? 0) <= waiting) return;
    await delay(500);
  }
}

/** From the time for which the second attempt was set to its end. */
async function lateness({
  client,
}: LabDatabase): Promise<Pick<NotificationFigures, 'latenessP50Ms' | 'latenessP99Ms'>> {
  const { rows } = await client.query<{ p50: number; p99: number }>(
    `select percentile_cont(0.5) within group (order by late_ms) as p50,
            percentile_cont(0.99) within group (order by late_ms) as p99
       from (select extract(epoch from b.at - a.next_attempt_at) * 1000 + b.duration_ms as late_ms
               from notification_attempts a
               join notification_attempts b on b.workspace_id = a.workspace_id and b.notification_id = a.notification_id
                and b.number = a.number + 1
              where a.next_attempt_at is not null) t`,
  );
  return { latenessP50Ms: Math.round(rows[0]?.p50 ?? NaN), latenessP99Ms: Math.round(rows[0]?.p99 ?? NaN) };
}
