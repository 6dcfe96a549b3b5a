import { fork } from 'node:child_process';
import path from 'node:path';

export interface PostgresProcess {
  /** URL of the database `houston`, as superuser. */
  url: string;
  port: number;
  /** The server's own process. */
  pid: number;
  exited: Promise<void>;
  /** In order: its sessions are ended, the data is checkpointed. */
  stop(): Promise<void>;
  /** Without a checkpoint, as after a crash: the next start recovers. */
  stopAtOnce(): Promise<void>;
}

/** Starts the embedded Postgres of a data folder, for the first time or again. Needs dist/. */
export async function startPostgres(options: { dataDir: string; port?: number }): Promise<PostgresProcess> {
  // Processes are killed in tests, not machines: nothing is lost without fsync.
  const wish = JSON.stringify({ ...options, settings: { fsync: 'off' } });
  const child = fork(path.join(process.cwd(), 'test', 'support', 'postgres-process.mjs'), [wish], { execArgv: [] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const server = await new Promise<Pick<PostgresProcess, 'url' | 'port' | 'pid'>>((resolve, reject) => {
    child.once('message', (message) => resolve(message as PostgresProcess));
    void exited.then(() => reject(new Error(`Postgres in ${options.dataDir} did not start.`)));
  });
  return {
    ...server,
    exited,
    stop: async () => {
      child.send('stop');
      await exited;
    },
    stopAtOnce: async () => {
      process.kill(server.pid, 'SIGQUIT');
      await exited;
    },
  };
}
