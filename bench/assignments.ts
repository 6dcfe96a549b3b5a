import { setTimeout as sleep } from 'node:timers/promises';
import { AgentsLoad, type Assignment } from './agents-load.js';

const TRICKLE_EVERY_MS = 40;
const TICK_MS = 20;
const DRAINED_WITHIN_MS = 300_000;
/** Tasks that wait while the most is measured: enough that nobody is ever idle. */
const BACKLOG = 400;

export interface Latencies {
  p50Ms: number;
  p95Ms: number;
}

/** From putting one task in to an idle agent that has it. */
export async function measureAssignmentLatency(url: string, agents: number, seconds: number): Promise<Latencies> {
  return withFleet(url, agents, async (load) => {
    await trickle(load, 2_000);
    load.assignments.length = 0;
    await trickle(load, seconds * 1_000);
    await drained(load, () => load.assignments.length);
    return latencies(load.assignments);
  });
}

/** Assignments a second, each task put in, taken and completed, with always more to do than there are hands. */
export async function measureMostAssignments(url: string, agents: number, seconds: number): Promise<number> {
  return withFleet(url, agents, async (load) => {
    let put = 0;
    const fill = async (until: number) => {
      while (performance.now() < until) {
        const missing = Math.min(BACKLOG, BACKLOG - (put - load.completed));
        if (missing < BACKLOG / 4) {
          await sleep(2);
          continue;
        }
        put += missing;
        await load.put(missing);
      }
    };
    await fill(performance.now() + 2_000);
    const [before, from] = [load.completed, performance.now()];
    await fill(from + seconds * 1_000);
    const perSecond = ((load.completed - before) * 1_000) / (performance.now() - from);
    await drained(load, () => put);
    return perSecond;
  });
}

export interface Sustained {
  /** Tasks put in a second. */
  asked: number;
  /** Assignments a second while they were put in. */
  reached: number;
  first: Latencies;
  last: Latencies;
}

/** Latency under a steady stream, in its first third and in its last. */
export async function measureSustained(
  url: string,
  agents: number,
  asked: number,
  seconds: number,
): Promise<Sustained> {
  return withFleet(url, agents, async (load) => {
    await stream(load, asked, 2_000);
    await drained(load, () => load.assignments.length);
    load.assignments.length = 0;
    const from = performance.now();
    const put = await stream(load, asked, seconds * 1_000);
    const reached = (load.assignments.length * 1_000) / (performance.now() - from);
    await drained(load, () => put);
    const third = (seconds * 1_000) / 3;
    const within = (n: number) =>
      load.assignments.filter(({ putAt }) => putAt >= from + n * third && putAt < from + (n + 1) * third);
    return { asked, reached, first: latencies(within(0)), last: latencies(within(2)) };
  });
}

async function withFleet<T>(url: string, agents: number, act: (load: AgentsLoad) => Promise<T>): Promise<T> {
  const load = await AgentsLoad.start(url, agents);
  try {
    await sleep(500);
    return await act(load);
  } finally {
    await load.stop();
  }
}

async function trickle(load: AgentsLoad, ms: number): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(TRICKLE_EVERY_MS)) await load.put(1);
}

/** Puts tasks in at a steady pace, whether or not they are taken. @returns how many */
async function stream(load: AgentsLoad, perSecond: number, ms: number): Promise<number> {
  const from = performance.now();
  const puts: Promise<void>[] = [];
  let put = 0;
  for (let passed = 0; passed < ms; passed = performance.now() - from) {
    const due = Math.floor((passed * perSecond) / 1_000) - put;
    if (due > 0) puts.push(load.put(due));
    put += Math.max(due, 0);
    await sleep(TICK_MS);
  }
  await Promise.all(puts);
  return put;
}

/** Resolves when all that was put in is done; on a machine that has no time for us this takes a while. */
async function drained(load: AgentsLoad, put: () => number): Promise<void> {
  for (const end = performance.now() + DRAINED_WITHIN_MS; ; await sleep(20)) {
    if (load.completed >= put()) return;
    if (performance.now() > end) throw new Error(`Of ${put()} tasks only ${load.completed} were completed`);
  }
}

function latencies(assignments: readonly Assignment[]): Latencies {
  const sorted = assignments.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1));
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}
