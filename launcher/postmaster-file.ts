import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlive, processArguments } from './process-identity.js';

/** What `postmaster.pid` in a cluster's folder says. */
export interface PostmasterFile {
  pid: number;
  port: number;
  /** `starting`, `stopping`, `ready` or `standby`; empty while the file is being written. */
  status: string;
}

export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  const lines = (await readLines(clusterDir)) ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() };
}

/** The living server of this cluster, if any; a process that merely inherited the pid does not count. */
export async function livingPostmaster(clusterDir: string): Promise<number | undefined> {
  const file = await readPostmasterFile(clusterDir);
  if (file === undefined || !(await isAlive(file.pid))) return undefined;
  return (await servesCluster(file.pid, clusterDir)) ? file.pid : undefined;
}

/**
 * Lets a server start although the pid it finds is not that of a server: it belongs to someone else by now, or to a killed
 * process that nobody has reaped.
 *
 * The file is not deleted: its later lines name the shared memory that orphaned backends may still hold, and the server
 * checks that before it touches the data. It ignores exactly one living pid, that of its parent, which is us.
 */
export async function disownStalePid(clusterDir: string): Promise<void> {
  const lines = await readLines(clusterDir);
  if (lines === undefined) return;
  await writeFile(path.join(clusterDir, 'postmaster.pid'), [String(process.pid), ...lines.slice(1)].join('\n'));
}

async function servesCluster(pid: number, clusterDir: string): Promise<boolean> {
  const folder = await realpath(clusterDir);
  // A server's working directory is its data folder; where /proc is absent its arguments must do.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (cwd !== undefined) return cwd === folder;
  const words = await processArguments(pid);
  return words.includes(folder) || words.includes(clusterDir);
}

async function readLines(clusterDir: string): Promise<string[] | undefined> {
  try {
    return (await readFile(path.join(clusterDir, 'postmaster.pid'), 'utf8')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
