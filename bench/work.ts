import {
  type Latencies,
  measureAssignmentLatency,
  measureMostAssignments,
  measureSustained,
  type Sustained,
} from './assignments.js';
import { measureDashboard, seedTasks } from './dashboard.js';
import { type Lateness, measureEscalationLateness } from './escalation-lateness.js';
import { type Lab, type LabDatabase, OWNER_KEY } from './lab.js';
import { measureRawQueue } from './raw-queue.js';
import { seedDoneWork } from './seed-work.js';

const AGENTS = 100;
const SUSTAINED_PER_SECOND = 500;
const ESCALATIONS = 100;
const ESCALATE_EVERY_MS = 50;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const SUSTAINED_SECONDS = 5 * SECONDS;

/** What work costs with the queues of one kind. */
export interface BackendFigures {
  backend: 'Postgres' | 'Redis';
  latency: Latencies;
  /** A second. */
  assignments: number;
  /** Jobs a second. */
  raw: number;
  sustained: Sustained;
  /** Of escalations. */
  lateness: Lateness;
}

export interface WorkFigures {
  agents: number;
  sustainedSeconds: number;
  backends: BackendFigures[];
  dashboard: Latencies;
}

/** @param redisUrl null: there is none, and only the Postgres backend is measured */
export async function measureWork(
  lab: Lab,
  redisUrl: string | null,
  say: (line: string) => void,
): Promise<WorkFigures> {
  const backends = [await measureBackend(lab, 'Postgres', null, say)];
  if (redisUrl !== null) backends.push(await measureBackend(lab, 'Redis', redisUrl, say));
  const full = await lab.database('tasks');
  await seedTasks(full);
  const gateway = await lab.gateway(full);
  const dashboard = await measureDashboard(gateway.url);
  await gateway.stop();
  say(`dashboard: p95 ${dashboard.p95Ms} ms`);
  return { agents: AGENTS, sustainedSeconds: SUSTAINED_SECONDS, backends, dashboard };
}

async function measureBackend(
  lab: Lab,
  backend: BackendFigures['backend'],
  redisUrl: string | null,
  say: (line: string) => void,
): Promise<BackendFigures> {
  const database = await lab.database(`work_${backend.toLowerCase()}`);
  await seedDoneWork(database);
  const env = { REDIS_URL: redisUrl ?? '' };
  const gateway = await lab.gateway(database, env);
  const scheduler = await lab.service('scheduler', database, env);
  const latency = await measureAssignmentLatency(gateway.url, AGENTS, SECONDS);
  say(`${backend}: assignment p50 ${latency.p50Ms} ms, p95 ${latency.p95Ms} ms`);
  const sustained = await measureSustained(gateway.url, AGENTS, SUSTAINED_PER_SECOND, SUSTAINED_SECONDS);
  say(
    `${backend}: ${Math.round(sustained.reached)}/s of ${sustained.asked}/s, p95 ${sustained.first.p95Ms} to ${sustained.last.p95Ms} ms`,
  );
  const lateness = await measureEscalationLateness(gateway.url, OWNER_KEY, ESCALATIONS, ESCALATE_EVERY_MS);
  say(`${backend}: escalations p95 ${lateness.p95Ms} ms late`);
  const rates = await takeTurns(gateway.url, database, redisUrl, (line) => say(`${backend}: ${line}`));
  await Promise.all([gateway.stop(), scheduler.stop()]);
  return { backend, latency, sustained, lateness, ...rates };
}

/** Our assignments and the library's own jobs, round after round: the machine is shared, and only their ratio counts. */
async function takeTurns(
  url: string,
  database: LabDatabase,
  redisUrl: string | null,
  say: (line: string) => void,
): Promise<{ assignments: number; raw: number }> {
  const rates: { assignments: number; raw: number }[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const raw = await measureRawQueue({ databaseUrl: database.url, redisUrl: redisUrl ?? undefined }, SECONDS);
    const assignments = await measureMostAssignments(url, AGENTS, SECONDS);
    say(`round ${round}: ${Math.round(assignments)} assignments/s, ${Math.round(raw)} raw jobs/s`);
    rates.push({ assignments, raw });
  }
  return rates.sort((a, b) => a.assignments / a.raw - b.assignments / b.raw)[Math.floor(rates.length / 2)]!;
}
