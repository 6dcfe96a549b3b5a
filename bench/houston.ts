import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const STOP_MS = 15_000;

/** A Houston of one's own. */
export interface OwnHouston {
  url: string;
  /** Null in a folder that had an owner already. */
  ownerKey: string | null;
  /** Of the launcher. */
  pid: number;
  /** From the command to the line that says all is ready. */
  readyMs: number;
  stop(): Promise<void>;
}

/** Starts the whole of Houston as a user does, on the first free port. @param dataDir is made where it does not exist */
export async function startHouston(dataDir: string, env: Record<string, string> = {}): Promise<OwnHouston> {
  const started = performance.now();
  const child = spawn('npm', ['start', '--silent', '--', '--json'], {
    cwd: ROOT,
    env: { ...process.env, HOUSTON_DATA_DIR: dataDir, PORT: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    const { pid, api, ownerKey = null } = JSON.parse(line) as { pid: number; api: string; ownerKey?: string };
    const stop = async () => {
      // Ctrl-C in a terminal has stopped it already.
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGTERM');
      const ended = await Promise.race([exited, delay(STOP_MS, null, { ref: false })]);
      if (ended === null) throw new Error('Houston did not stop');
    };
    return { url: new URL(api).origin, ownerKey, pid, readyMs: performance.now() - started, stop };
  }
  throw new Error('Houston ended before it was ready');
}
