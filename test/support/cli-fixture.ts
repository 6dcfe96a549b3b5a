import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const REPOSITORY = process.cwd();

/** One run of the command line, with all that it said. */
export interface CliRun {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A folder with the real command line, compiled from these sources, and a place for its files. */
export class CliFixture {
  readonly root = mkdtempSync(path.join(tmpdir(), 'houston-cli-'));
  readonly configDir = path.join(this.root, 'config');
  private readonly runs: CliRun[] = [];

  constructor() {
    const swc = path.join(REPOSITORY, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
    const args = [swc, 'cli', 'libs/common/src/config', '-d', path.join(this.root, 'dist'), '--quiet'];
    execFileSync(process.execPath, args, { cwd: REPOSITORY, stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(path.join(this.root, 'package.json'), '{"type":"module"}');
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(this.root, 'node_modules'));
    const run = `import { houston } from './dist/cli/houston.js'; process.exit(await houston(process.argv.slice(2)));`;
    writeFileSync(path.join(this.root, 'houston.mjs'), run);
  }

  run(args: string[], env: Record<string, string> = {}): CliRun {
    const child = spawn(process.execPath, ['houston.mjs', ...args], {
      cwd: this.root,
      env: { PATH: process.env['PATH'], HOUSTON_CONFIG_DIR: this.configDir, HOUSTON_DATA_DIR: this.root, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString('utf8')));
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal })),
    );
    const run: CliRun = { child, stdout: () => text.stdout, stderr: () => text.stderr, ended };
    this.runs.push(run);
    return run;
  }

  /** A configured agent, as `agent add` leaves it. @returns its file */
  configure(hub: string, name = 'worker', more: Record<string, unknown> = {}): string {
    const folder = path.join(this.configDir, 'agents');
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `${name}.json`);
    const config = {
      hub,
      key: `hou_${'k'.repeat(40)}`,
      agent: name,
      agentId: 'a1',
      keyId: 'k1',
      workspace: null,
      ...more,
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  /** A program for the sidecar to run. @returns the words of its command */
  program(source: string): [string, string] {
    const file = path.join(this.root, `program-${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(file, source);
    return [process.execPath, file];
  }

  /**
   * Ends whatever is left of the runs, also commands that have outlived their sidecar: they know this folder from their
   * environment. What holds a pipe open would keep a run from ending.
   */
  async killLeftovers(): Promise<void> {
    for (const { child } of this.runs) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    for (const pid of this.descendants()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await Promise.all(this.runs.splice(0).map((run) => run.ended));
  }

  async dispose(): Promise<void> {
    await this.killLeftovers();
    rmSync(this.root, { recursive: true, force: true });
  }

  private descendants(): number[] {
    if (!existsSync('/proc/self/environ')) return [];
    const mark = `HOUSTON_CONFIG_DIR=${this.configDir}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && environmentOf(name).includes(mark))
      .map(Number);
  }
}

/** Of a process; empty when it is gone or somebody else's. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
