import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { freePort, isPortFree } from '../../launcher/free-port.js';
import { isAlive } from '../../launcher/process-identity.js';
import { serverUrl } from '../support/database.js';
import { LauncherFixture, until, type ReadyLine } from '../support/launcher-fixture.js';

const NOTHING_LEFT_WITHIN_MS = 5_000;

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return server;
}

const base = (line: ReadyLine) => line.api.replace('/api', '');
const databaseUrl = async (line: ReadyLine) => (await fetch(base(line))).text();

async function query(line: ReadyLine, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(await databaseUrl(line));
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function allGone(pids: Record<string, number>): Promise<void> {
  for (const [name, pid] of Object.entries(pids))
    await until(`${name} (${pid}) to be gone`, async () => !(await isAlive(pid)), NOTHING_LEFT_WITHIN_MS);
}

describe('starting and stopping Houston', () => {
  const fixture = new LauncherFixture();
  afterAll(() => fixture.dispose());
  let port = '';
  beforeEach(async () => {
    port = String(await freePort());
  });

  async function stopped(run: ReturnType<LauncherFixture['start']>): Promise<void> {
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  }

  it('names every fault of a wrong configuration, exits with 1 and starts nothing', async () => {
    const run = fixture.start({ PORT: 'x', LOG_LEVEL: 'loud', DATABASE_URL: 'nowhere' });
    expect(await run.ended).toBe(1);
    for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL']) expect(run.stderr()).toContain(`  ${name} `);
    expect(run.stdout()).toBe('');
    expect(existsSync(fixture.dataDir)).toBe(false);
  });

  it('names a taken port that was asked for, and starts nothing', async () => {
    const other = await occupy(Number(port));
    const run = fixture.start({ PORT: port });
    expect(await run.ended).toBe(1);
    expect(run.stderr()).toContain(`Port ${port}`);
    expect(existsSync(path.join(fixture.dataDir, 'postgres'))).toBe(false);
    other.close();
  });

  it('prints one JSON line when ready, keeps the owner key to its owner, and stops all of it within 10 s', async () => {
    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    expect(run.stdout().trim().split('\n')).toHaveLength(1);
    expect(line).toMatchObject({
      api: `http://127.0.0.1:${port}/api`,
      docs: `http://127.0.0.1:${port}/docs`,
      queues: `http://127.0.0.1:${port}/queues`,
      metrics: `http://127.0.0.1:${port}/metrics`,
      dataDir: fixture.dataDir,
      pid: run.child.pid,
    });
    expect(line.ownerKey).toMatch(/^hou_/);
    const keyFile = line.ownerKeyFile ?? '';
    expect(readFileSync(keyFile, 'utf8').trim()).toBe(line.ownerKey);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    await query(line, 'create table keepsake as select 42 as answer');

    const pids = await fixture.pids(line);
    const askedAt = Date.now();
    await stopped(run);
    expect(Date.now() - askedAt).toBeLessThan(10_000);
    await allGone(pids);
  });

  it('keeps the data over a restart, and shows the owner key no second time', async () => {
    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    expect(await query(line, 'select answer from keepsake')).toEqual([{ answer: 42 }]);
    expect(line.ownerKey).toBeUndefined();
    expect(line.ownerKeyFile).toBe(path.join(fixture.dataDir, 'owner.key'));
    await stopped(run);
  });

  it('runs a durable database', async () => {
    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    const settings = await query(
      line,
      `select name, setting from pg_settings
      where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses') order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
    });
    await stopped(run);
  });

  it('refuses a second start in the same folder, names the first, and does not disturb it', async () => {
    const first = fixture.start({ PORT: port });
    const line = await fixture.ready(first);
    const before = await fixture.pids(line);
    const second = fixture.start({ PORT: String(await freePort()) });
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toContain(`pid ${first.child.pid}`);
    expect(second.stdout()).toBe('');
    expect(await fixture.pids(line)).toEqual(before);
    expect(await query(line, 'select 1 as one')).toEqual([{ one: 1 }]);
    await stopped(first);
  });

  it('lets exactly one of several simultaneous starts have the folder', async () => {
    const runs = await Promise.all(
      Array.from({ length: 4 }, async () => fixture.start({ PORT: String(await freePort()) })),
    );
    const winner = await Promise.any(runs.map((run) => fixture.ready(run).then(() => run)));
    const losers = runs.filter((run) => run !== winner);
    expect(await Promise.all(losers.map((run) => run.ended))).toEqual([1, 1, 1]);
    await stopped(winner);
  });

  it('leaves no service behind when the launcher alone is killed, and takes over the database it left', async () => {
    const killed = fixture.start({ PORT: port });
    const { postgres: orphan, ...others } = await fixture.pids(await fixture.ready(killed));
    killed.child.kill('SIGKILL');
    await killed.ended;
    await allGone(others);
    expect(await isAlive(orphan ?? 0)).toBe(true);

    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    expect(await isAlive(orphan ?? 0)).toBe(false);
    expect(await query(line, 'select answer from keepsake')).toEqual([{ answer: 42 }]);
    await stopped(run);
  });

  it('recovers by itself after everything was killed at once', async () => {
    const killed = fixture.start({ PORT: port });
    const line = await fixture.ready(killed);
    await query(line, 'create table acknowledged as select 7 as seven');
    const pids = await fixture.pids(line);
    for (const pid of Object.values(pids)) process.kill(pid, 'SIGKILL');
    await allGone(pids);

    const run = fixture.start({ PORT: port });
    expect(await query(await fixture.ready(run), 'select seven from acknowledged')).toEqual([{ seven: 7 }]);
    await stopped(run);
  });

  it('is not kept out by strangers who inherited the pids of a killed run', async () => {
    const { uid, gid } = statSync(path.join(fixture.dataDir, 'postgres'));
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore', ...(process.getuid?.() === 0 ? { uid, gid } : {}) });
    const stale = [stranger.pid, path.join(fixture.dataDir, 'postgres'), 1, 1, '', '127.0.0.1', '', 'ready'].join('\n');
    writeFileSync(path.join(fixture.dataDir, 'postgres', 'postmaster.pid'), stale);
    writeFileSync(
      path.join(fixture.dataDir, 'houston.lock'),
      JSON.stringify({ pid: stranger.pid, identity: 'boot/1' }),
    );
    mkdirSync(path.join(fixture.dataDir, 'postgres.unfinished'), { recursive: true });

    const run = fixture.start({ PORT: port });
    await fixture.ready(run);
    expect(await isAlive(stranger.pid ?? 0)).toBe(true);
    await stopped(run);
    stranger.kill('SIGKILL');
  });

  it('picks another database port when the last one is taken', async () => {
    const last = Number(readFileSync(path.join(fixture.dataDir, 'postgres.port'), 'utf8'));
    const other = await occupy(last);
    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    expect(new URL(await databaseUrl(line)).port).not.toBe(String(last));
    await stopped(run);
    other.close();
  });

  it('starts no database of its own when it is given one', async () => {
    const server = serverUrl();
    const client = new pg.Client(server);
    await client.connect();
    const name = `external_${port}`;
    await client.query(`create database ${name}`);
    const given = new URL(server);
    given.pathname = `/${name}`;
    const dataDir = path.join(fixture.root, 'with-external-database');
    const run = fixture.start({ PORT: port, HOUSTON_DATA_DIR: dataDir, DATABASE_URL: given.href });
    const line = await fixture.ready(run);
    expect(await databaseUrl(line)).toBe(given.href);
    expect(line.ownerKey).toMatch(/^hou_/);
    await stopped(run);
    expect(existsSync(path.join(dataDir, 'postgres'))).toBe(false);
    await client.query(`drop database ${name}`);
    await client.end();
  });

  it('takes the next free port, and says so, when the usual one is taken and none was asked for', async () => {
    const other = (await isPortFree(3000)) ? await occupy(3000) : undefined;
    const run = fixture.start({ NO_COLOR: '1' }, []);
    await until('the box', () => run.stdout().includes('╯'));
    expect(run.stdout()).toMatch(/Port 3000 is taken .* this is port 30\d\d/);
    expect(run.stdout()).not.toContain('\u001b');
    await stopped(run);
    other?.close();
  });

  it('shows the last lines of a service that cannot start, and stops everything', async () => {
    const run = fixture.start({ PORT: port, STUB_BUDGET: 'fails' });
    expect(await run.ended).toBe(1);
    expect(run.stderr()).toContain('budget ended at once (exit code 3)');
    expect(run.stderr()).toContain('the budget has no fuel');
    expect(run.stdout()).toBe('');
    expect(existsSync(path.join(fixture.dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    expect(await isPortFree(Number(port))).toBe(true);
  });

  it('starts a service and the database again when they die, and says so', async () => {
    const run = fixture.start({ PORT: port });
    const line = await fixture.ready(run);
    const before = await fixture.pids(line);
    process.kill(before['scheduler'] ?? 0, 'SIGKILL');
    await until('the scheduler', () => run.stderr().includes('scheduler is back'));
    process.kill(before['postgres'] ?? 0, 'SIGKILL');
    await until('the database', () => run.stderr().includes('postgres is back'));
    expect(run.stderr()).toContain('scheduler died (SIGKILL)');
    expect(await query(line, 'select answer from keepsake')).toEqual([{ answer: 42 }]);
    await stopped(run);
  });

  it('shows warnings of a service, keeps the rest in its log, and stops a deaf one within 10 s', async () => {
    const run = fixture.start({ PORT: port, STUB_GATEWAY: 'deaf' });
    const line = await fixture.ready(run);
    await fetch(`${base(line)}/warn`);
    await until('the warning', () => run.stderr().includes('gateway: warn: the fuel runs low'));
    expect(run.stderr()).not.toContain('all is calm');
    const log = readFileSync(path.join(fixture.dataDir, 'logs', 'gateway.log'), 'utf8');
    expect(log).toContain('all is calm');
    const askedAt = Date.now();
    await stopped(run);
    expect(Date.now() - askedAt).toBeLessThan(10_000);
  });

  it('stops in order when it is told to in the middle of a start', async () => {
    const run = fixture.start({ PORT: port });
    await until('the lock', () => existsSync(path.join(fixture.dataDir, 'houston.lock')));
    await until('the database', () => existsSync(path.join(fixture.dataDir, 'postgres', 'postmaster.pid')));
    const server = fixture.postmaster();
    await stopped(run);
    await allGone({ postgres: server });
    expect(run.stdout()).toBe('');
  });
});
