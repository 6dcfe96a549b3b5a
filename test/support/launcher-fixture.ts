import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const REPOSITORY = process.cwd();
const SERVICES = ['gateway', 'budget', 'scheduler', 'notifier'];

/** One run of the launcher, with all that it said. */
export interface Run {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  ended: Promise<number | null>;
}

/** What the ready line says, as far as tests need it. */
export interface ReadyLine {
  api: string;
  ownerKey?: string;
  ownerKeyFile?: string;
  dataDir: string;
  pid: number;
}

/**
 * A folder with the real launcher and stand-ins for the four services, so that a service can be made to fail at will.
 * Stand-ins obey STUB_<NAME>: `fails` (cannot start) or `deaf` (ignores SIGTERM).
 */
export class LauncherFixture {
  readonly root = mkdtempSync(path.join(tmpdir(), 'houston-launcher-'));
  readonly dataDir = path.join(this.root, 'data');
  private readonly runs: Run[] = [];

  constructor() {
    const swc = path.join(REPOSITORY, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
    const dist = path.join(this.root, 'dist');
    const args = [swc, 'launcher', 'libs', '-d', dist, '--copy-files', '--quiet'];
    execFileSync(process.execPath, args, { cwd: REPOSITORY, stdio: ['ignore', 'ignore', 'inherit'] });
    cpSync(path.join(REPOSITORY, 'package.json'), path.join(this.root, 'package.json'));
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(this.root, 'node_modules'));
    for (const name of SERVICES) {
      mkdirSync(path.join(dist, 'apps', name, 'src'), { recursive: true });
      writeFileSync(path.join(dist, 'apps', name, 'src', 'main.js'), standIn(name));
    }
    const run = `import { start } from './dist/launcher/start.js';
      await start({ root: ${JSON.stringify(this.root)}, args: process.argv.slice(2) });`;
    writeFileSync(path.join(this.root, 'run.mjs'), run);
  }

  start(env: Record<string, string> = {}, args: string[] = ['--json']): Run {
    const child = spawn(process.execPath, ['run.mjs', ...args], {
      cwd: this.root,
      env: { PATH: process.env['PATH'], HOUSTON_DATA_DIR: this.dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString('utf8')));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const run: Run = { child, stdout: () => text.stdout, stderr: () => text.stderr, ended };
    this.runs.push(run);
    return run;
  }

  async ready(run: Run): Promise<ReadyLine> {
    await until('the ready line', () => run.stdout().includes('\n') || run.child.exitCode !== null);
    if (run.child.exitCode !== null) throw new Error(`It ended with ${run.child.exitCode}:\n${run.stderr()}`);
    return JSON.parse(run.stdout()) as ReadyLine;
  }

  /** The pid of each service and of the database server. */
  async pids(line: ReadyLine): Promise<Record<string, number>> {
    const services = SERVICES.map((name) => [name, Number(readFileSync(path.join(this.root, `${name}.pid`), 'utf8'))]);
    return { ...Object.fromEntries(services), postgres: this.postmaster(), launcher: line.pid };
  }

  postmaster(): number {
    return Number(readFileSync(path.join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  async dispose(): Promise<void> {
    for (const run of this.runs) if (run.child.exitCode === null) run.child.kill('SIGTERM');
    await Promise.all(this.runs.map((run) => run.ended));
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(20)) if (await isSo()) return;
  throw new Error(`Waited ${withinMs} ms in vain for ${what}.`);
}

function standIn(name: string): string {
  return `
    import { writeFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const wish = process.env.STUB_${name.toUpperCase()};
    if (wish === 'fails') { console.error('the ${name} has no fuel'); process.exit(3); }
    process.on('disconnect', () => process.exit(0));
    process.on('SIGTERM', () => wish === 'deaf' || process.exit(0));
    writeFileSync(${JSON.stringify(`${name}.pid`)}, String(process.pid));
    const ready = (port) => process.send({ type: 'ready', port });
    if (${JSON.stringify(name)} !== 'gateway') { setInterval(() => {}, 1000); ready(); }
    else createServer((request, response) => {
      if (request.url === '/warn') {
        console.log(JSON.stringify({ level: 30, msg: 'all is calm' }));
        console.log(JSON.stringify({ level: 40, msg: 'the fuel runs low' }));
      }
      response.end(process.env.DATABASE_URL);
    }).listen(Number(process.env.PORT), process.env.HOST, () => ready(Number(process.env.PORT)));
  `;
}
