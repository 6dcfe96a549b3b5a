import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startHouston } from '../houston.js';
import type { AgentOrder } from './agent.js';
import { Diary } from './diary.js';
import { Fleet } from './fleet.js';
import { gather } from './gather.js';
import { chance, clockOffsetMs, deafMs, fateOf } from './mischief.js';
import { Mission } from './mission.js';
import type { SimulateOptions } from './options.js';
import type { Evidence } from './promises.js';

const LEASE_TTL_SECONDS = 2;
const MOST_ATTEMPTS = 20;
const PROGRESS_TIMEOUT_SECONDS = 5;
const SLOTS = 2;
const BAD_SHARE = 0.35;
const LOOK_MS = 250;
const BULK = 1_000;
const STAND_STILL_MS = 2 * LEASE_TTL_SECONDS * 1_000;

export interface Simulated {
  evidence: Evidence;
  /** From the first task put in to the last one that ended. */
  tookMs: number;
  leaseTtlSeconds: number;
  surprises: string[];
}

/** Runs one simulation from start to end. @param tell sentences about how far it is */
export async function simulate(options: SimulateOptions, tell: (line: string) => void): Promise<Simulated> {
  const folder = await mkdtemp(path.join(tmpdir(), 'houston-simulate-'));
  const own = options.url === null ? await startHouston(path.join(folder, 'data'), { LOG_LEVEL: 'warn' }) : null;
  try {
    const house = new Mission(own?.url ?? options.url ?? '', own?.ownerKey ?? options.key ?? '');
    tell(`Houston is at ${house.url}`);
    return await inHouse(house, options, new Diary(path.join(folder, 'diary')), path.join(folder, 'diary'), tell);
  } finally {
    await own?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function inHouse(
  house: Mission,
  options: SimulateOptions,
  diary: Diary,
  diaryFile: string,
  tell: (line: string) => void,
): Promise<Simulated> {
  const mission = await openWorkspace(house, options);
  const fleet = new Fleet(await hire(mission, options, diaryFile), {
    programs: path.dirname(fileURLToPath(import.meta.url)),
    standStillMs: STAND_STILL_MS,
    clockOffsetMs: (agent) => (options.chaos ? clockOffsetMs(options.seed, agent) : 0),
  });
  const startedAt = performance.now();
  fleet.start();
  try {
    await putTasks(mission, options);
    await untilAllEnded(mission, options, tell);
    const tookMs = performance.now() - startedAt;
    // Whoever still stands still is to wake, and to be refused.
    if (options.chaos) await sleep(STAND_STILL_MS + 1_000);
    const evidence = await gather(mission, { put: options.tasks, diary: diary.read(), deaths: fleet.deaths });
    return { evidence, tookMs, leaseTtlSeconds: LEASE_TTL_SECONDS, surprises: fleet.surprises };
  } finally {
    await fleet.stop();
  }
}

/** A workspace of its own: nobody else's agents take part, and nobody else's tasks are taken. */
async function openWorkspace(house: Mission, { seed }: SimulateOptions): Promise<Mission> {
  const slug = `simulation-${seed.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${Date.now().toString(36)}`;
  const settings = {
    ...{ leaseTtlSeconds: LEASE_TTL_SECONDS, progressTimeoutSeconds: PROGRESS_TIMEOUT_SECONDS },
    // Agents die of the simulation here, not of their tasks.
    poisonAfter: MOST_ATTEMPTS,
  };
  await house.post('/api/workspaces', { name: `Simulation ${seed}`, slug, settings });
  return house.in(slug);
}

async function hire(mission: Mission, options: SimulateOptions, diaryFile: string): Promise<AgentOrder[]> {
  const orders: AgentOrder[] = [];
  for (let n = 0; n < options.agents; n += 1) {
    const name = `${mission.workspace}-${n}`;
    const { id } = await mission.post<{ id: string }>('/api/agents', {
      ...{ name, maxConcurrent: SLOTS },
      // It fails on purpose, and is to have another chance soon.
      breaker: { openSeconds: 2 },
    });
    orders.push({
      ...{ url: mission.url, key: mission.key, workspace: mission.workspace ?? '', agentId: id, name, slots: SLOTS },
      ...{ transport: options.transport, seed: options.seed, share: options.chaos ? BAD_SHARE : 0, diaryFile },
      deafMs: options.chaos ? deafMs(options.seed, n) : 0,
    });
  }
  return orders;
}

async function putTasks(mission: Mission, { tasks, seed }: SimulateOptions): Promise<void> {
  const priorities = ['urgent', 'high', 'normal', 'low'];
  const items = Array.from({ length: tasks }, (_, n) => {
    const fate = fateOf(seed, n);
    const workMs = Math.round(20 + 180 * chance(seed, 'work', n));
    return {
      title: `Task ${n}`,
      priority: priorities[Math.floor(chance(seed, 'priority', n) * priorities.length)],
      payload: { n, fate, workMs },
      retryPolicy: { initialInterval: 0.2, maximumInterval: 1, maximumAttempts: fate === 'flaky' ? 3 : MOST_ATTEMPTS },
    };
  });
  for (let from = 0; from < tasks; from += BULK)
    await mission.post('/api/tasks/bulk', { items: items.slice(from, from + BULK) });
}

async function untilAllEnded(mission: Mission, options: SimulateOptions, tell: (line: string) => void): Promise<void> {
  let last = -1;
  for (const end = performance.now() + options.withinSeconds * 1_000; performance.now() < end; await sleep(LOOK_MS)) {
    const open = await mission.all<{ id: string }>('/api/tasks?status=inbox,assigned,in_progress,blocked,review');
    const ended = options.tasks - open.length;
    if (Math.floor((ended * 10) / options.tasks) > last) {
      last = Math.floor((ended * 10) / options.tasks);
      tell(`${ended} of ${options.tasks} tasks have ended`);
    }
    if (open.length === 0) return;
  }
}
