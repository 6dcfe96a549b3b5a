import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Migrated } from './migrate.js';

export type Preparation = { ok: true; ownerKey: string | null } | { ok: false; lastLines: string };

/**
 * Migrates the database and makes the first owner key, which is also written to `<dataDir>/owner.key`.
 *
 * A short-lived process does it: the launcher stays small, for it only waits from then on.
 */
export async function prepareDatabase(dist: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<Preparation> {
  const child = fork(path.join(dist, 'launcher', 'migrate.js'), { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let output = '';
  const collect = (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-4_000));
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  let answer: Migrated | undefined;
  child.on('message', (message) => (answer = message as Migrated));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (answer?.type !== 'migrated' || code !== 0) return { ok: false, lastLines: output.trim() };
  if (answer.ownerKey !== null) await writeFile(ownerKeyFile(dataDir), `${answer.ownerKey}\n`, { mode: 0o600 });
  return { ok: true, ownerKey: answer.ownerKey };
}

export function ownerKeyFile(dataDir: string): string {
  return path.join(dataDir, 'owner.key');
}
