// npm test: every suite on an embedded Postgres of its own, and those that depend on the queue on Redis as well.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';
import { findRedis, startRedis } from './redis-for-tests.mjs';

const QUEUE_SUITES = '\\.queue\\.spec\\.ts$';
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const results = mkdtempSync(path.join(tmpdir(), 'houston-results-'));
const extra = process.argv.slice(2);

requireNode();
ensureInstalled(root);
ensureBuilt(root);
// Ctrl-C reaches jest too, which then stops its database; this process waits for it and reports.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
const { totals, notes, failed } = await runAll();
rmSync(results, { recursive: true, force: true });
for (const note of notes) console.error(note);
console.log(totalsLine(totals));
process.exit(failed ? 1 : 0);

async function runAll() {
  const notes = [];
  const suites = queueSuites();
  const redis = suites.length > 0 ? findRedis() : { ok: true };
  const runs = [runJest('postgres', [], {})];
  if (redis.ok && redis.program !== undefined) {
    const server = await startRedis(redis.program);
    runs.push(runJest('redis', [`--testRegex=${QUEUE_SUITES}`, '--passWithNoTests'], { REDIS_URL: server.url }));
    await server.stop();
  }
  if (!redis.ok) notes.push(`Not run on Redis, because ${redis.why}:`, ...suites.map((suite) => `  ${suite}`));
  notes.push(...runs.filter((run) => run.crashed).map((run) => `The run on ${run.name} ended without results.`));
  const totals = { passed: sum(runs, 'passed'), failed: sum(runs, 'failed'), skipped: sum(runs, 'skipped') };
  const empty = totals.passed + totals.failed === 0;
  if (empty) notes.push('No test ran.');
  const redisMissing = !redis.ok && (process.env.CI === 'true' || process.env.HOUSTON_REQUIRE_REDIS === '1');
  if (redisMissing) notes.push('Redis is required here (CI or HOUSTON_REQUIRE_REDIS is set).');
  const failed = empty || redisMissing || totals.failed > 0 || runs.some((run) => run.status !== 0 || run.crashed);
  return { totals, notes, failed };
}

function runJest(name, args, env) {
  const file = path.join(results, `${name}.json`);
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  console.error(`\nSuites with the queue in ${name}:`);
  const { status } = spawnSync(
    process.execPath,
    [jest, '--maxWorkers=2', '--json', `--outputFile=${file}`, ...args, ...extra],
    // Results go to the file; the readable report goes to stderr as jest does with --json.
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: { ...cleanEnv(), ...env } },
  );
  return { name, status, ...read(file) };
}

/** The caller's settings must not reach the suites: they would work on the caller's database. */
function cleanEnv() {
  const ours =
    /^(HOUSTON_|WEBHOOK_|NOTIFY_|SMTP_|PUBLIC_URL$|TRUSTED_PROXIES$|ADMISSION_|DATABASE_|PG|REDIS_URL$|PORT$|HOST$|LOG_LEVEL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

function read(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0, crashed: true };
  const json = JSON.parse(readFileSync(file, 'utf8'));
  return {
    passed: json.numPassedTests,
    // A suite that could not even be loaded has no tests to count, and is a failure all the same.
    failed: json.numFailedTests + json.numRuntimeErrorTestSuites,
    skipped: json.numPendingTests + json.numTodoTests,
    crashed: false,
  };
}

function queueSuites() {
  return ['apps', 'libs', 'launcher', 'bench', 'test']
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true }).map((file) => `${folder}/${file}`))
    .filter((file) => new RegExp(QUEUE_SUITES).test(file));
}

function sum(runs, field) {
  return runs.reduce((total, run) => total + run[field], 0);
}

function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
