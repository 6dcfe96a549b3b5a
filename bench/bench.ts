/*
 * npm run bench: what the hot path costs. Loads take turns, round after round, because the machine is shared: what
 * slows one round down slows all of it, and the ratios hold. Writes docs/benchmarks.md.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lab, type LabDatabase, type LabGateway } from './lab.js';
import { type Figures, type Load, measure, median } from './load.js';
import { measureNotifications, type NotificationFigures } from './notifications.js';
import { report } from './report.js';
import { measureResources } from './resources.js';
import { admitMany, AGENTS, MODEL, seedFourLevels, seedFullTables } from './seed.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const CONNECTIONS = 64;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const NOTIFICATIONS = 3_000;
const WAITING_NOTIFICATIONS = 100_000;
/** More than a round can complete. */
const COMPLETIONS_PER_ROUND = 12_000 * SECONDS;

type Loads = Record<'noop' | 'inline' | 'grouped' | 'groupedFull' | 'complete', (seconds: number) => Promise<Figures>>;

const say = (line: string) => console.error(line);

const rounds = await inLab(async (lab) => {
  const loads = await prepare(lab);
  say('Warming up ...');
  for (const load of Object.values(loads)) await load(2);
  return takeTurns(loads);
});
say('Starting Houston twice ...');
const resources = await measureResources();
const notifications = await inLab(notify);
const text = report({ ...rounds, notifications, connections: CONNECTIONS, rounds: ROUNDS, resources, at: new Date() });
await mkdir(path.join(ROOT, 'docs'), { recursive: true });
await writeFile(path.join(ROOT, 'docs', 'benchmarks.md'), text);
console.log(text);

/** On each backend of the queues, with many rows that wait. */
async function notify(lab: Lab): Promise<Record<string, NotificationFigures>> {
  say('Sending notifications ...');
  const redisUrl = process.env.BENCH_REDIS_URL;
  const load = { due: NOTIFICATIONS, waiting: WAITING_NOTIFICATIONS };
  const postgres = await measureNotifications(await lab.database('notified'), load);
  if (redisUrl === undefined) return { Postgres: postgres };
  const redis = await measureNotifications(await lab.database('notified_by_redis'), { ...load, redisUrl });
  return { Postgres: postgres, Redis: redis };
}

async function inLab<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.open();
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

async function prepare(place: Lab): Promise<Loads> {
  say('Preparing two databases, one of them full ...');
  const empty = await place.database('empty');
  const full = await place.database('filled');
  await seedFourLevels(empty);
  await seedFourLevels(full);
  await seedFullTables(full);
  const grouped = await place.gateway(empty);
  const groupedFull = await place.gateway(full);
  const inline = await place.gateway(empty, { ADMISSION_COMMITTER: 'inline' });
  return {
    noop: (seconds) => measure({ ...common(grouped, seconds), path: '/health/live' }),
    inline: (seconds) => measure(admission(inline, seconds)),
    grouped: (seconds) => measure(admission(grouped, seconds)),
    groupedFull: (seconds) => measure(admission(groupedFull, seconds)),
    complete: (seconds) => completions(empty, grouped, seconds),
  };
}

async function takeTurns(loads: Loads): Promise<Record<keyof Loads, Figures>> {
  const figures: Record<keyof Loads, Figures[]> = { noop: [], inline: [], grouped: [], groupedFull: [], complete: [] };
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of Object.keys(loads) as (keyof Loads)[]) {
      const measured = await loads[name](SECONDS);
      figures[name].push(measured);
      say(`round ${round} ${name}: ${Math.round(measured.requestsPerSecond)}/s, p99 ${measured.p99Ms} ms`);
    }
  }
  return {
    noop: median(figures.noop),
    inline: median(figures.inline),
    grouped: median(figures.grouped),
    groupedFull: median(figures.groupedFull),
    complete: median(figures.complete),
  };
}

function common(gateway: LabGateway, seconds: number): Pick<Load, 'url' | 'connections' | 'seconds'> {
  return { url: gateway.url, connections: CONNECTIONS, seconds };
}

function admission(gateway: LabGateway, seconds: number): Load {
  let next = 0;
  const path = '/api/executions';
  const bodies = Array.from({ length: AGENTS }, (_, agent) =>
    JSON.stringify({ agent: `agent-${agent}`, model: MODEL, estimate: { inputTokens: 1_000, maxOutputTokens: 500 } }),
  );
  return { ...common(gateway, seconds), path, method: 'POST', each: () => ({ path, body: bodies[next++ % AGENTS]! }) };
}

async function completions(database: LabDatabase, gateway: LabGateway, seconds: number): Promise<Figures> {
  const ids = await admitMany(database, COMPLETIONS_PER_ROUND);
  const body = JSON.stringify({ status: 'succeeded', usage: { inputTokens: 1_000, outputTokens: 400 } });
  const each = () => {
    const id = ids.pop();
    if (id === undefined) throw new Error('More was completed than had been admitted');
    return { path: `/api/executions/${id}/complete`, body };
  };
  return measure({ ...common(gateway, seconds), path: '/', method: 'POST', each });
}
