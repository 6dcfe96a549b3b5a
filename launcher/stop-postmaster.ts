import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './process-identity.js';

/**
 * Stops a Postgres server: in order, then without a checkpoint, then by force. Its log makes each of them safe.
 * @param withinMs time for the orderly way.
 */
export async function stopPostmaster(pid: number, withinMs: number): Promise<void> {
  const ways = [
    { signal: 'SIGINT', ms: withinMs },
    { signal: 'SIGQUIT', ms: 2_000 },
    { signal: 'SIGKILL', ms: 2_000 },
  ] as const;
  for (const { signal, ms } of ways) if (await ends(pid, signal, ms)) return;
  throw new Error(`Postgres (pid ${pid}) does not end, not even by SIGKILL.`);
}

async function ends(pid: number, signal: NodeJS.Signals, withinMs: number): Promise<boolean> {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
    throw error;
  }
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(20))
    if (!(await isAlive(pid))) return true;
  return false;
}
