import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVICE_NAMES } from '../launcher/houston.js';
import { startHouston } from './houston.js';

const IDLE_MS = 20_000;

export interface Resources {
  /** From `npm start` to the line that says all is ready, with everything installed, built and initialised. */
  warmStartMs: number;
  /** Resident memory after a while of idling, in MB, by service. */
  idleMb: Record<string, number>;
}

/** Starts the whole of Houston as a user does, twice: the first start makes the data, the second is measured. */
export async function measureResources(): Promise<Resources> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'houston-bench-start-'));
  try {
    const first = await startHouston(dataDir);
    await first.stop();
    const second = await startHouston(dataDir);
    await delay(IDLE_MS);
    const idleMb = await residentMb(second.pid);
    await second.stop();
    return { warmStartMs: second.readyMs, idleMb };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** VmRSS of the launcher's services, from /proc; empty where there is none. */
async function residentMb(launcherPid: number): Promise<Record<string, number>> {
  const children = await readFile(`/proc/${launcherPid}/task/${launcherPid}/children`, 'utf8').catch(() => '');
  const found: Record<string, number> = {};
  for (const pid of children.trim().split(/\s+/).filter(Boolean)) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    const name = SERVICE_NAMES.find((service) => command.includes(`apps/${service}/src/main.js`));
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kilobytes = /VmRSS:\s+(\d+)/.exec(status)?.[1];
    if (name && kilobytes) found[name] = Math.round(Number(kilobytes) / 1024);
  }
  return found;
}
