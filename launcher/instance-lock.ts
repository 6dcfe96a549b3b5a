import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { processIdentity } from './process-identity.js';

export type LockOutcome = { outcome: 'held'; release(): Promise<void> } | { outcome: 'taken'; byPid: number };

interface Holder {
  pid: number;
  identity: string | undefined;
}

/**
 * One launcher per data folder. The lock is a file that names its holder by pid and by when that process started, so
 * that neither a killed launcher nor a later process with its pid keeps others out.
 */
export async function lockInstance(dataDir: string): Promise<LockOutcome> {
  await mkdir(dataDir, { recursive: true });
  const file = path.join(dataDir, 'houston.lock');
  const us: Holder = { pid: process.pid, identity: await processIdentity(process.pid) };
  for (;;) {
    if (await claim(file, us)) return { outcome: 'held', release: () => rm(file, { force: true }) };
    const holder = await readHolder(file);
    if (holder === undefined) continue;
    if (holder.identity !== undefined && (await processIdentity(holder.pid)) === holder.identity)
      return { outcome: 'taken', byPid: holder.pid };
    await removeStale(file, holder);
  }
}

/** The file appears with its content or not at all: nobody reads it half written. */
async function claim(file: string, us: Holder): Promise<boolean> {
  const draft = `${file}.${us.pid}`;
  await writeFile(draft, JSON.stringify(us), { mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Two starts may find the same stale lock, and the slower one may take away what the faster one has just claimed. */
async function removeStale(file: string, stale: Holder): Promise<void> {
  const aside = `${file}.stale.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const taken = await readHolder(aside);
  if (taken?.pid !== stale.pid || taken.identity !== stale.identity) await putBack(aside, file);
  await rm(aside, { force: true });
}

async function putBack(aside: string, file: string): Promise<void> {
  await link(aside, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function readHolder(file: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [, pid, identity] = /^\{"pid":(\d+),"identity":"([^"]*)"\}$/.exec(text) ?? [];
  // What we cannot read is nobody's: a disk that filled up must not lock the folder for ever.
  return { pid: Number(pid ?? 0), identity };
}
