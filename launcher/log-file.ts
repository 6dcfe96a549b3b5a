import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';

/** Earlier logs that are kept beside the current one, as NAME.log.1 (the youngest) and so on. */
const KEPT = 3;

/** Moves the log of the last run aside, so that each run begins its own. */
export async function rotateLog(dataDir: string, name: string): Promise<string> {
  const dir = path.join(dataDir, 'logs');
  await mkdir(dir, { recursive: true });
  const file = path.join(dir, `${name}.log`);
  for (let age = KEPT; age >= 1; age -= 1)
    await renameIfThere(age === 1 ? file : `${file}.${age - 1}`, `${file}.${age}`);
  return file;
}

export async function openLog(dataDir: string, name: string): Promise<WriteStream> {
  return createWriteStream(await rotateLog(dataDir, name), { flags: 'a', mode: 0o600 });
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
