import path from 'node:path';
import { ConfigFaults } from '@houston/common/config/config-faults.js';
import { readLauncherConfig } from '@houston/common/config/config.js';
import { CannotStart, Houston } from './houston.js';
import { lockInstance } from './instance-lock.js';
import { terminal, type Terminal } from './terminal.js';

/** npm and the terminal each pass on the same Ctrl-C; only a later one is a second wish. */
const SAME_WISH_MS = 500;

export interface StartOptions {
  /** Folder of package.json. */
  root: string;
  args: readonly string[];
}

/** `npm start`: runs Houston until it is told to stop, then ends this process. Exit code 0 after an orderly stop, else 1. */
export async function start({ root, args }: StartOptions): Promise<void> {
  const { env } = process;
  const json = args.includes('--json') || env['HOUSTON_JSON'] === '1' || env['npm_config_json'] === 'true';
  const out = terminal(json, env);
  try {
    await run(root, out);
  } catch (error) {
    out.tell(inWords(error));
    process.exit(1);
  }
}

async function run(root: string, out: Terminal): Promise<void> {
  const { env } = process;
  const config = readLauncherConfig(env);
  const dataDir = path.resolve(root, config.dataDir);
  const lock = await lockInstance(dataDir);
  if (lock.outcome === 'taken')
    throw new CannotStart(
      `Houston is already running in ${dataDir} (pid ${lock.byPid}). Stop it first, or set HOUSTON_DATA_DIR to another folder.`,
    );
  const portFixed = (env['PORT'] ?? '').trim() !== '';
  const dist = path.join(root, 'dist');
  const houston = new Houston({ config, portFixed, dist, dataDir, env, tell: out.tell });
  stopOnSignals(houston, out, lock.release);
  try {
    const { running, notes } = await houston.start();
    out.ready(running, notes);
  } catch (error) {
    // A wish to stop in the middle of a start is no fault of the start: the signal's handler ends the process.
    if (houston.isStopping) return;
    await houston.stop();
    await lock.release();
    throw error;
  }
}

function stopOnSignals(houston: Houston, out: Terminal, release: () => Promise<void>): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    const now = Date.now();
    if (firstAt === undefined) {
      firstAt = now;
      out.tell('Stopping ...');
      void houston
        .stop()
        .then(release)
        .then(
          () => process.exit(0),
          (error: unknown) => {
            out.tell(inWords(error));
            process.exit(1);
          },
        );
    } else if (now - firstAt > SAME_WISH_MS) {
      out.tell('Stopping at once.');
      houston.kill();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}

function inWords(error: unknown): string {
  if (error instanceof CannotStart || error instanceof ConfigFaults) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
