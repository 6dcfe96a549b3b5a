import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { firstRun } from '@houston/common/auth/first-run.js';
import { migrate } from '@houston/common/db/migrate.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../launcher/embedded-postgres.js';
import { nodeFlagsOf } from '../launcher/node-flags.js';
import { freePort } from '../launcher/free-port.js';

export const OWNER_KEY = 'hou_benchmarks_0123456789abcdef0123456789abcdef';
const DIST = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export interface LabDatabase {
  url: string;
  client: pg.Client;
  organizationId: string;
  workspaceId: string;
}

export interface LabService {
  stop(): Promise<void>;
}

export interface LabGateway extends LabService {
  url: string;
}

/** One durable embedded Postgres in a folder that is thrown away, with databases and services on it. */
export class Lab {
  private readonly services: LabService[] = [];
  private readonly clients: pg.Client[] = [];

  private constructor(
    private readonly dataDir: string,
    private readonly server: EmbeddedPostgres,
  ) {}

  static async open(): Promise<Lab> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'houston-bench-'));
    return new Lab(dataDir, await startEmbeddedPostgres({ dataDir }));
  }

  async database(name: string): Promise<LabDatabase> {
    const admin = new pg.Client({ connectionString: this.server.url });
    await admin.connect();
    await admin.query(`create database ${name}`);
    await admin.end();
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    await migrate(url.href);
    await firstRun(url.href, { ownerKey: OWNER_KEY });
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    this.clients.push(client);
    const { rows } = await client.query<{ organization_id: string; id: string }>(
      'select organization_id, id from workspaces',
    );
    return { url: url.href, client, organizationId: rows[0]!.organization_id, workspaceId: rows[0]!.id };
  }

  /** A gateway process on a database. @param script default: the gateway as it is */
  async gateway(
    database: LabDatabase,
    env: Record<string, string> = {},
    script = mainOf('gateway'),
  ): Promise<LabGateway> {
    const port = await freePort();
    const { stop } = await this.service('gateway', database, { PORT: String(port), ...env }, script);
    return { url: `http://127.0.0.1:${port}`, stop };
  }

  /** A process of Houston on a database, run with the flags it has in production. */
  async service(
    name: string,
    database: LabDatabase,
    env: Record<string, string> = {},
    script = mainOf(name),
  ): Promise<LabService> {
    const child = fork(path.join(DIST, script), [], {
      env: { ...process.env, DATABASE_URL: database.url, LOG_LEVEL: 'error', ...env },
      execArgv: nodeFlagsOf(name),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await ready(child);
    const service = { stop: () => stop(child) };
    this.services.push(service);
    return service;
  }

  async close(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()));
    await Promise.all(this.clients.map((client) => client.end()));
    await this.server.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

function mainOf(service: string): string {
  return path.join('apps', service, 'src', 'main.js');
}

async function ready(child: ChildProcess): Promise<void> {
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [{ type?: string } | number];
  if (typeof message !== 'object' || message.type !== 'ready')
    throw new Error(`A service did not start (${String(message)})`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
