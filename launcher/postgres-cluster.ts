import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './postgres-binaries.js';
import type { PostgresUser } from './postgres-user.js';

const run = promisify(execFile);

/** Name of the superuser and of the database. */
export const CLUSTER_NAME = 'houston';

export interface Cluster {
  /** Folder of the database files, owned by the user who runs the server. */
  dir: string;
  password: string;
}

/**
 * The cluster in `<dataDir>/postgres`, initialised at the first call.
 *
 * The files are made in a folder of another name and renamed when whole, so that a start cut short leaves nothing that
 * looks like a database.
 */
export async function openCluster(dataDir: string, binaries: PostgresBinaries, user: PostgresUser): Promise<Cluster> {
  const dir = path.join(dataDir, 'postgres');
  const passwordFile = path.join(dataDir, 'postgres.password');
  const password = await readIfThere(passwordFile);
  const version = await readIfThere(path.join(dir, 'PG_VERSION'));
  if (version !== undefined) {
    if (password === undefined) throw new Error(`${dir} holds a database, but ${passwordFile} is missing.`);
    return { dir, password };
  }
  const fresh = password ?? randomBytes(24).toString('hex');
  await writeFile(passwordFile, fresh, { mode: 0o600 });
  await initialise(dir, fresh, binaries, user);
  return { dir, password: fresh };
}

async function initialise(
  dir: string,
  password: string,
  binaries: PostgresBinaries,
  user: PostgresUser,
): Promise<void> {
  const unfinished = `${dir}.unfinished`;
  const passwordFile = `${dir}.initial-password`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user.ids !== undefined)
    await Promise.all([unfinished, passwordFile].map((file) => chown(file, user.ids?.uid ?? 0, user.ids?.gid ?? 0)));
  const { file, args, ...as } = user.command(binaries.initdb, [
    `--pgdata=${unfinished}`,
    `--username=${CLUSTER_NAME}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order of text on every machine, whatever its locales.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]);
  try {
    await run(file, args, { ...as, cwd: '/', env: postgresEnv() });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(unfinished, dir);
}

/** The server sees nothing of our environment: PG* variables and secrets have no business there. */
export function postgresEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
