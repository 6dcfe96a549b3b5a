import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { firstRun } from '@houston/common/auth/first-run.js';
import { connect } from '@houston/common/db/data-source.js';
import { Database } from '@houston/common/db/database.js';
import { migrate } from '@houston/common/db/migrate.js';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';

const SOURCES = path.resolve(__dirname, '../../libs/common/src');
/** Whatever decides how a fresh database looks. */
const SCHEMA_FOLDERS = [
  ...['db', 'db/migrations', 'agents', 'auth', 'ledger', 'events', 'messages', 'notifications', 'queues', 'schedules'],
  'tasks',
];
const TEMPLATE_LOCK = 4_871_900;

export interface TestDatabase {
  /** A superuser's URL, for processes that are started on it; they take up the application role by themselves. */
  url: string;
  /** Works as the application role, like every process. */
  dataSource: DataSource;
  database: Database;
  organizationId: string;
  /** The workspace `default`. */
  workspaceId: string;
  ownerKey: string;
  /** Disconnects and drops the database. */
  close(): Promise<void>;
}

/** A database of one's own, migrated and with its first owner: cloned from a template that is made once per schema. */
export async function openTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = urlOf(name);
  await administer(serverUrl(), async (server) => {
    await server.query(`create database ${name} template ${await ensureTemplate(server)}`);
  });
  const { ownerKey } = await firstRun(url);
  if (ownerKey === null) throw new Error('The template has an owner already');
  const dataSource = await connect(url, options.poolSize);
  const database = new Database(dataSource);
  const [organizationId = ''] = await database.organizationIds();
  const [workspace] = await database.inOrganization(organizationId, (tx) =>
    tx.query<{ id: string }>("select id from workspaces where slug = 'default'"),
  );
  const close = async () => {
    await dataSource.destroy();
    await administer(serverUrl(), (server) => server.query(`drop database if exists ${name} with (force)`));
  };
  return { url, dataSource, database, organizationId, workspaceId: workspace?.id ?? '', ownerKey, close };
}

/** Runs `act` on a connection of the superuser, whom no wall and no missing grant stops. */
export async function administer<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'houston tests' });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

/** The first suite makes the template, the others wait for it. @returns its name */
async function ensureTemplate(server: Client): Promise<string> {
  const name = `template_${schemaHash()}`;
  if (await exists(server, name)) return name;
  await server.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await exists(server, name)) return name;
    // Under its own name only when finished: a run that was killed half way leaves nothing that looks like a template.
    const draft = `${name}_draft`;
    await server.query(`drop database if exists ${draft} with (force)`);
    await server.query(`create database ${draft}`);
    await migrate(urlOf(draft));
    await server.query(`alter database ${draft} rename to ${name}`);
    return name;
  } finally {
    await server.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function exists(server: Client, name: string): Promise<boolean> {
  const { rowCount } = await server.query('select 1 from pg_database where datname = $1', [name]);
  return rowCount === 1;
}

function schemaHash(): string {
  const hash = createHash('sha256');
  for (const folder of SCHEMA_FOLDERS) {
    const names = readdirSync(path.join(SOURCES, folder)).filter((name) => /\.(sql|ts)$/.test(name));
    for (const name of names.sort()) {
      if (!name.endsWith('.spec.ts')) hash.update(readFileSync(path.join(SOURCES, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** The server of this worker, as superuser. */
export function serverUrl(): string {
  const urls = process.env['HOUSTON_TEST_DATABASE_URLS']?.split(' ') ?? [];
  const url = urls[(Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % urls.length];
  if (!url) throw new Error('HOUSTON_TEST_DATABASE_URLS is not set: run the suites with npm test or npx jest');
  return url;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}
