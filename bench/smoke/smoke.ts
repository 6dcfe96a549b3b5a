// npm run smoke: whether a Houston does what it is there for, in a few seconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startHouston } from '../houston.js';
import { parseOptions, type SmokeOptions, USAGE } from './options.js';
import { runSmoke } from './run-smoke.js';
import { linesOf, verdictOf } from './verdict.js';

const parsed = parseOptions(process.argv.slice(2));
switch (parsed.kind) {
  case 'help':
    process.stdout.write(USAGE);
    break;
  case 'fault':
    process.stderr.write(`${parsed.problem}\n\n${USAGE}`);
    process.exitCode = 2;
    break;
  case 'run':
    process.exitCode = await run(parsed.options);
}

async function run({ url, key }: SmokeOptions): Promise<0 | 1> {
  if (url !== null && key !== null) return tell(url, key);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'houston-smoke-'));
  process.stderr.write('Starting a Houston of its own ...\n');
  const houston = await startHouston(dataDir);
  try {
    if (houston.ownerKey === null) throw new Error('A fresh Houston has no owner key');
    return await tell(houston.url, houston.ownerKey);
  } finally {
    await houston.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function tell(url: string, key: string): Promise<0 | 1> {
  const verdict = verdictOf(await runSmoke(url, key));
  for (const line of linesOf(verdict)) console.log(line);
  return verdict.isFine ? 0 : 1;
}
