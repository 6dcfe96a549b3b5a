// npm run check: everything that can be said about the code without running it. All checks run; all faults are shown.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const sources = ['apps', 'libs', 'launcher', 'cli', 'bench', 'test'].filter((folder) =>
  existsSync(path.join(root, folder)),
);

/** Name, program (a file in node_modules or ours) and arguments; the slowest first, because two run at a time. */
const CHECKS = [
  ['types', 'node_modules/typescript/bin/tsc', ['-p', '.']],
  ['lint', 'node_modules/eslint/bin/eslint.js', ['.', '--max-warnings=0']],
  ['formatting', 'node_modules/prettier/bin/prettier.cjs', ['--check', '.', '--log-level=warn']],
  ['import arrows', 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs', [...sources, '--output-type', 'err']],
  ['dead code', 'node_modules/knip/bin/knip.js', ['--no-progress']],
  ['settings table', 'bin/config-table.mjs', ['--check']],
  ['permission table', 'bin/permission-table.mjs', ['--check']],
  ['schema drift', 'bin/schema.mjs', ['--check']],
];

requireNode();
ensureInstalled(root);
ensureBuilt(root);
const failed = await runAll(CHECKS, Math.min(availableParallelism(), 2));
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`);
process.exit(failed.length === 0 ? 0 : 1);

async function runAll(checks, atOnce) {
  const waiting = [...checks];
  const failed = [];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { ok, output, seconds } = await run(check);
      console.log(`${ok ? 'ok    ' : 'FAILED'} ${check[0]} (${seconds} s)`);
      if (!ok) failed.push(check[0]);
      if (!ok) console.log(`${output.trim()}\n`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}

function run([, program, args]) {
  const startedAt = Date.now();
  let output = '';
  const child = spawn(process.execPath, [path.join(root, program), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    const end = (ok, more = '') =>
      resolve({ ok, output: output + more, seconds: ((Date.now() - startedAt) / 1000).toFixed(1) });
    child.once('error', (error) => end(false, error.message));
    child.once('close', (code) => end(code === 0));
  });
}
