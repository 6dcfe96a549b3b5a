/*
 * npm run bench: what the hot paths cost. The whole of it writes docs/benchmarks.md; `npm run bench -- work` or `-- money`
 * measures a part and only prints it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lab } from './lab.js';
import { measureMoney } from './money.js';
import { measureBoth } from './notifications.js';
import { report, type Results } from './report.js';
import { measureResources } from './resources.js';
import { measureWork } from './work.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const PARTS = ['money', 'work', 'people', 'resources'] as const;

const say = (line: string) => console.error(line);
const asked = process.argv.slice(2);
const wanted = PARTS.filter((part) => asked.length === 0 || asked.includes(part));
const unknown = asked.filter((name) => !PARTS.some((part) => part === name));
if (unknown.length > 0) {
  say(`There is no part ${unknown.join(', ')}. Parts: ${PARTS.join(', ')}.`);
  process.exit(2);
}

const results: Results = { at: new Date() };
if (wanted.includes('money')) results.money = await inLab((lab) => measureMoney(lab, say));
if (wanted.includes('work')) {
  results.work = await inLab((lab) => measureWork(lab, process.env.BENCH_REDIS_URL ?? null, say));
}
if (wanted.includes('people')) {
  results.people = await inLab((lab) => measureBoth(lab, process.env.BENCH_REDIS_URL ?? null, say));
}
if (wanted.includes('resources')) {
  say('Starting Houston twice ...');
  results.resources = await measureResources();
}
const text = report(results);
if (wanted.length === PARTS.length) {
  await mkdir(path.join(ROOT, 'docs'), { recursive: true });
  await writeFile(path.join(ROOT, 'docs', 'benchmarks.md'), text);
}
console.log(text);

async function inLab<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.open();
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}
