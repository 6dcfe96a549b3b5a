import path from 'node:path';
import type { Lab, LabDatabase, LabGateway } from './lab.js';
import { type Figures, type Load, measure, median } from './load.js';
import { admitMany, AGENTS, MODEL, seedFourLevels, seedFullTables } from './seed.js';

const CONNECTIONS = 64;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
/** More than a round can complete. */
const COMPLETIONS_PER_ROUND = 12_000 * SECONDS;

/**
 * `bare` is a GET without key or body: what HTTP alone costs. `noop` is the request of an admission through the whole edge,
 * to a route that does nothing.
 */
type Loads = Record<
  'bare' | 'noop' | 'inline' | 'grouped' | 'groupedFull' | 'complete',
  (seconds: number) => Promise<Figures>
>;

/** What each load came to, in the round in its middle. */
export type MoneyFigures = Record<keyof Loads, Figures> & { connections: number; rounds: number };

/** Loads take turns, round after round: what slows one round down slows all of it, and the ratios hold. */
export async function measureMoney(lab: Lab, say: (line: string) => void): Promise<MoneyFigures> {
  say('Preparing two databases, one of them full ...');
  const loads = await prepare(lab);
  say('Warming up ...');
  for (const load of Object.values(loads)) await load(2);
  return { ...(await takeTurns(loads, say)), connections: CONNECTIONS, rounds: ROUNDS };
}

async function prepare(place: Lab): Promise<Loads> {
  const empty = await place.database('empty');
  const full = await place.database('filled');
  await seedFourLevels(empty);
  await seedFourLevels(full);
  await seedFullTables(full);
  const grouped = await place.gateway(empty);
  const groupedFull = await place.gateway(full);
  const inline = await place.gateway(empty, { ADMISSION_COMMITTER: 'inline' });
  const noop = await place.gateway(empty, {}, path.join('bench', 'no-op-gateway.js'));
  return {
    bare: (seconds) => measure({ ...common(grouped, seconds), path: '/health/live' }),
    noop: (seconds) => measure(admission(noop, seconds, '/api/no-op')),
    inline: (seconds) => measure(admission(inline, seconds)),
    grouped: (seconds) => measure(admission(grouped, seconds)),
    groupedFull: (seconds) => measure(admission(groupedFull, seconds)),
    complete: (seconds) => completions(empty, grouped, seconds),
  };
}

async function takeTurns(loads: Loads, say: (line: string) => void): Promise<Record<keyof Loads, Figures>> {
  const figures: Record<keyof Loads, Figures[]> = {
    bare: [],
    noop: [],
    inline: [],
    grouped: [],
    groupedFull: [],
    complete: [],
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of Object.keys(loads) as (keyof Loads)[]) {
      const measured = await loads[name](SECONDS);
      figures[name].push(measured);
      say(`round ${round} ${name}: ${Math.round(measured.requestsPerSecond)}/s, p99 ${measured.p99Ms} ms`);
    }
  }
  return {
    bare: median(figures.bare),
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

function admission(gateway: LabGateway, seconds: number, path = '/api/executions'): Load {
  let next = 0;
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
