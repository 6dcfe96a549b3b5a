import { chmod, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LauncherConfig } from '@houston/common/config/config.js';
import { runningAt, type Running } from './box.js';
import { RunDatabase } from './database.js';
import { isPortFree, nextFreePort } from './free-port.js';
import { nodeFlagsOf } from './node-flags.js';
import { ownerKeyFile, prepareDatabase } from './prepare-database.js';
import { Service } from './service.js';

/** Everything must have ended this long after it was asked to. */
const STOP_WITHIN_MS = 9_500;
const SERVICES_WITHIN_MS = 8_000;
const LEAST_FOR_DATABASE_MS = 800;

export const SERVICE_NAMES = ['gateway', 'budget', 'scheduler', 'notifier'] as const;

export interface HoustonOptions {
  config: LauncherConfig;
  /** Whether the port was asked for; one that was not may be replaced by a free one. */
  portFixed: boolean;
  /** Folder of the compiled code. */
  dist: string;
  /** Absolute. */
  dataDir: string;
  env: NodeJS.ProcessEnv;
  tell: (line: string) => void;
}

/** Thrown for what the person at the terminal can mend: the message says how, a stack would only hide it. */
export class CannotStart extends Error {}

export interface Started {
  running: Running;
  /** Sentences about what was chosen. */
  notes: string[];
}

/** One running Houston: the database and the four services. The caller holds the lock of the data folder. */
export class Houston {
  private database: RunDatabase | undefined;
  private services: Service[] = [];
  private starting: Promise<unknown> = Promise.resolve();
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: HoustonOptions) {}

  /** @throws CannotStart when a port, the database or a service prevents it; what was started stays to be stopped. */
  start(): Promise<Started> {
    const started = this.startAll();
    // What went wrong is the caller's; a stop only waits until no more is being started.
    this.starting = started.catch(() => undefined);
    return started;
  }

  get isStopping(): boolean {
    return this.stopping !== undefined;
  }

  /** Services first, then what they stand on. Calling it again joins the stop that is under way. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /** The impatient way: nothing is asked, and the database recovers at its next start. */
  kill(): void {
    for (const service of this.services) service.kill();
    void this.database?.stop(0);
  }

  private async startAll(): Promise<Started> {
    const { config, dataDir, dist, tell } = this.options;
    await mkdir(dataDir, { recursive: true });
    const { port, notes } = await this.choosePort();
    this.database =
      config.databaseUrl === undefined
        ? await RunDatabase.embedded(dataDir, tell)
        : RunDatabase.external(config.databaseUrl);
    this.orStopped();
    const env = this.serviceEnv(this.database.url, port);
    const prepared = await prepareDatabase(dist, dataDir, env);
    this.orStopped();
    if (!prepared.ok) throw new CannotStart(`The database could not be prepared:\n${prepared.lastLines}`);
    await this.startServices(env);
    const keyFile = await existing(ownerKeyFile(dataDir));
    return {
      notes,
      running: {
        ...runningAt(config.host, port),
        ...(prepared.ownerKey === null ? {} : { ownerKey: prepared.ownerKey }),
        ...(keyFile === undefined ? {} : { ownerKeyFile: keyFile }),
        dataDir,
        pid: process.pid,
      },
    };
  }

  private async stopAll(): Promise<void> {
    const deadline = Date.now() + STOP_WITHIN_MS;
    await Promise.all(this.services.map((service) => service.stop(SERVICES_WITHIN_MS)));
    await this.starting;
    await this.database?.stop(Math.max(deadline - Date.now(), LEAST_FOR_DATABASE_MS));
  }

  private async startServices(env: NodeJS.ProcessEnv): Promise<void> {
    const { dist, dataDir, tell } = this.options;
    this.services = SERVICE_NAMES.map(
      (name) =>
        new Service({
          name,
          main: path.join(dist, 'apps', name, 'src', 'main.js'),
          nodeFlags: nodeFlagsOf(name),
          env,
          dataDir,
          tell,
        }),
    );
    const starts = this.services.map(async (service) => {
      const first = await service.start();
      if (first.outcome === 'failed' && this.stopping === undefined)
        throw new CannotStart(`${service.name} ${first.why}. Its last lines:\n${first.lastLines.join('\n')}`);
    });
    await Promise.all(starts);
    this.orStopped();
  }

  private orStopped(): void {
    if (this.stopping !== undefined) throw new CannotStart('Stopped before it was ready.');
  }

  private async choosePort(): Promise<{ port: number; notes: string[] }> {
    const { port, host } = this.options.config;
    if (await isPortFree(port, host)) return { port, notes: [] };
    if (this.options.portFixed)
      throw new CannotStart(
        `Port ${port} on ${host} is taken: set PORT to another one, or stop the program that uses it.`,
      );
    const next = await nextFreePort(port + 1, host);
    if (next === undefined)
      throw new CannotStart(`Port ${port} and the hundred after it are taken: set PORT to a free one.`);
    return {
      port: next,
      notes: [`Port ${port} is taken by another program, so this is port ${next}. PORT=... chooses one.`],
    };
  }

  private serviceEnv(databaseUrl: string, port: number): NodeJS.ProcessEnv {
    const { env, dataDir, config } = this.options;
    return {
      NODE_ENV: 'production',
      // Names of webhook receivers are looked up on these threads, half of them at the most: few would let a handful
      // of names that do not answer keep all others waiting.
      UV_THREADPOOL_SIZE: '64',
      ...env,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      HOST: config.host,
      HOUSTON_DATA_DIR: dataDir,
    };
  }
}

async function existing(file: string): Promise<string | undefined> {
  try {
    await stat(file);
    await chmod(file, 0o600);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
