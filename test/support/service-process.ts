import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { freePort } from '../../launcher/free-port.js';

const REPOSITORY = process.cwd();
const READY_WITHIN_MS = 30_000;

export type ServiceName = 'gateway' | 'budget' | 'scheduler' | 'notifier';

/** A real service in a process of its own. */
export interface ServiceProcess {
  readonly name: ServiceName;
  /** Of the gateway: `http://127.0.0.1:<port>`. It keeps its port when it is started again. */
  readonly url: string;
  readonly pid: number;
  /** What it wrote, for the message of a failed test. */
  output(): string;
  /** Ends it without asking, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Asks it to end. @returns its exit code */
  stop(): Promise<number | null>;
  /** After `kill` or `stop`: the same service again, ready. */
  start(): Promise<void>;
}

/** Compiles the sources if dist/ is older than they are; the test command has done so already. */
export function ensureBuilt(): void {
  execFileSync(process.execPath, [path.join('bin', 'build.mjs')], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** @param env settings by the names of their environment variables; nothing else of this process's is passed on */
export async function startService(name: ServiceName, env: Record<string, string>): Promise<ServiceProcess> {
  const port = name === 'gateway' ? await freePort() : 0;
  const settings = { LOG_LEVEL: 'warn', HOST: '127.0.0.1', ...(port === 0 ? {} : { PORT: String(port) }), ...env };
  const service = new SpawnedService(name, port, settings);
  await service.start();
  return service;
}

class SpawnedService implements ServiceProcess {
  private child: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);
  private text = '';

  constructor(
    readonly name: ServiceName,
    private readonly port: number,
    private readonly env: Record<string, string>,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  output(): string {
    return this.text;
  }

  async start(): Promise<void> {
    const main = path.join(REPOSITORY, 'dist', 'apps', this.name, 'src', 'main.js');
    const child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], ...this.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.text = (this.text + chunk.toString('utf8')).slice(-20_000)));
    this.ended = new Promise((resolve) => child.once('exit', resolve));
    const ready = new Promise<'ready'>((resolve) => {
      child.on('message', (message: { type?: unknown }) => message.type === 'ready' && resolve('ready'));
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, READY_WITHIN_MS, 'late')));
    const first = await Promise.race([ready, this.ended, late]);
    clearTimeout(timer);
    if (first === 'ready') return;
    child.kill('SIGKILL');
    throw new Error(`${this.name} did not start (${first}):\n${this.text}`);
  }

  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  stop(): Promise<number | null> {
    this.child?.kill('SIGTERM');
    return this.ended;
  }
}
