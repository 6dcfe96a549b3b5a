// npm run simulate: a fleet that misbehaves, and whether Houston keeps its promises all the same.
import type { EventSeen } from './mission.js';
import { parseOptions, type SimulateOptions, USAGE } from './options.js';
import { judge, percentile, recoveries } from './promises.js';
import { simulate, type Simulated } from './run-simulation.js';

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

async function run(options: SimulateOptions): Promise<0 | 1> {
  const { agents, tasks, seed, chaos, transport } = options;
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  tell(`Seed ${seed}: ${agents} agents over ${transport}, ${tasks} tasks, ${chaos ? 'chaos' : 'no chaos'}`);
  const simulated = await simulate(options, tell);
  const verdicts = judge(simulated.evidence);
  const width = Math.max(...verdicts.map(({ promise }) => promise.length));
  for (const { promise, kept, detail } of verdicts)
    console.log(`${kept ? 'kept  ' : 'BROKEN'}  ${promise.padEnd(width)}  ${detail}`);
  for (const line of figures(simulated)) console.log(line);
  const isFine = verdicts.every(({ kept }) => kept) && simulated.surprises.length === 0;
  console.log(isFine ? `All promises kept. Seed ${seed}.` : `A promise was broken. Repeat it with --seed ${seed}.`);
  return isFine ? 0 : 1;
}

function figures({ evidence, tookMs, leaseTtlSeconds, surprises }: Simulated): string[] {
  const { freeMs, takenMs } = recoveries(evidence);
  return [
    `All of it took ${inSeconds(tookMs)}.`,
    ...spread(`From an agent's silence until its task was free (a lease lives ${leaseTtlSeconds} s)`, freeMs),
    ...spread("From an agent's silence until another had its task, in its turn", takenMs),
    ...unanswered(evidence.events),
    ...surprises.map((line) => `Unexpected: ${line}`),
  ];
}

function spread(what: string, ascending: readonly number[]): string[] {
  if (ascending.length === 0) return [];
  const [p50, p99] = [percentile(ascending, 0.5), percentile(ascending, 0.99)];
  return [`${what}: p50 ${inSeconds(p50)}, p99 ${inSeconds(p99)}, ${ascending.length} times`];
}

function unanswered(events: readonly EventSeen[]): string[] {
  const taken = events.filter(({ type, data }) => type === 'task.released' && data['kind'] === 'unacknowledged');
  return taken.length === 0 ? [] : [`${taken.length} offers went to deaf agents and were taken back.`];
}

function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
