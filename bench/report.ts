import { cpus, totalmem } from 'node:os';
import { STORED_TASKS } from './dashboard.js';
import type { Figures } from './load.js';
import type { MoneyFigures } from './money.js';
import type { NotificationFigures } from './notifications.js';
import type { Resources } from './resources.js';
import { STORED_BUDGETS, STORED_EXECUTIONS } from './seed.js';
import type { BackendFigures, WorkFigures } from './work.js';

/** The least that assignments are to reach of what the queue library does by itself. */
const ASSIGNMENTS_TO_RAW = 0.5;

/** Everything one run measured. */
export interface Results {
  money?: MoneyFigures;
  work?: WorkFigures;
  /** By what carries the queues. */
  people?: Record<string, NotificationFigures>;
  resources?: Resources;
  at: Date;
}

/** docs/benchmarks.md of one run. Ratios are what counts: absolute figures are those of one shared, noisy machine. */
export function report({ money, work, people, resources, at }: Results): string {
  const sections = [
    `# Benchmarks

Measured by \`npm run bench\` on ${at.toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node.js ${process.versions.node}.
Embedded Postgres with durable commits (\`fsync\` and \`synchronous_commit\` on); the load generator shares the cores. What is
compared with each other took turns in one run.`,
    ...(money ? [moneySection(money)] : []),
    ...(work ? [workSection(work)] : []),
    ...(people ? [peopleSection(people)] : []),
    ...(resources ? [resourcesSection(resources)] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

function moneySection(money: MoneyFigures): string {
  const { bare, noop, inline, grouped, groupedFull, complete } = money;
  const row = (name: string, figures: Figures) =>
    `| ${name} | ${inFull(figures.requestsPerSecond)} | ${figures.p50Ms} | ${figures.p99Ms} |`;
  const ratio = (a: Figures, b: Figures) => (a.requestsPerSecond / b.requestsPerSecond).toFixed(2);
  return `## Money

${money.connections} connections; each figure is the median of ${money.rounds} rounds. Every run is covered by four budgets (organization,
workspace, agent, agent and model), and all runs share the organization's.

| load | requests/s | p50 ms | p99 ms |
|---|---|---|---|
${row('liveness: GET without key or body', bare)}
${row('no-op route: the request of an admission (key, body, validation), and nothing done', noop)}
${row('admission, one transaction per request', inline)}
${row('admission, group commit', grouped)}
${row(`admission, group commit, with ${inFull(STORED_BUDGETS)} budgets and ${inFull(STORED_EXECUTIONS)} executions stored`, groupedFull)}
${row('complete', complete)}

| ratio | measured | aim |
|---|---|---|
| group commit to one transaction per request | ${ratio(grouped, inline)} | at least 4 |
| group commit to the no-op route | ${ratio(grouped, noop)} | at least 0.3 |
| group commit to liveness | ${ratio(grouped, bare)} | |
| p99 of group commit, ms | ${grouped.p99Ms} | under 60 |
| full tables to empty ones | ${ratio(groupedFull, grouped)} | at least 0.8 |`;
}

function workSection({ agents, sustainedSeconds, backends, dashboard }: WorkFigures): string {
  const rows = backends.map(
    ({ backend, latency, assignments, raw }) =>
      `| ${backend} | ${latency.p50Ms} | ${latency.p95Ms} | ${backend === 'Redis' ? 50 : 100} | ${inFull(assignments)} | ${inFull(raw)} | ${(assignments / raw).toFixed(2)} |`,
  );
  const steady = backends.map(
    ({ backend, sustained: { asked, reached, first, last } }: BackendFigures) =>
      `| ${backend} | ${inFull(asked)} | ${inFull(reached)} | ${first.p50Ms} / ${first.p95Ms} | ${last.p50Ms} / ${last.p95Ms} |`,
  );
  const late = backends.map(
    ({ backend, lateness: { p50Ms, p95Ms, mostMs } }) =>
      `| ${backend} | ${p50Ms} | ${p95Ms} | ${mostMs} | under 2,000 |`,
  );
  return `## Work

${agents} connected agents, each of which completes a task as soon as it has it. An assignment is a task put in, leased under a
fence, handed over and completed, all of it durable and in the ledger; a raw job is one that the queue library adds and a worker
of 100 at a time takes, with the same backlog.

| queues in | assigned, p50 ms | p95 ms | aim, p95 | assignments/s | raw jobs/s | ratio (aim ${ASSIGNMENTS_TO_RAW}) |
|---|---|---|---|---|---|---|
${rows.join('\n')}
${backends.map(shortfall).join('')}
A steady stream for ${sustainedSeconds} s, from put in to handed over:

| queues in | put in/s | assigned/s | first third, p50 / p95 ms | last third, p50 / p95 ms |
|---|---|---|---|---|
${steady.join('\n')}

Escalations, from the moment one is due to its row:

| queues in | p50 ms | p95 ms | most ms | aim |
|---|---|---|---|---|
${late.join('\n')}

The dashboard's state with ${inFull(STORED_TASKS)} tasks stored: p50 ${dashboard.p50Ms} ms, p95 ${dashboard.p95Ms} ms (aim: under 50).`;
}

/** What the aim asks for, in time of processors, where it is missed. */
function shortfall({ backend, assignments, raw }: BackendFigures): string {
  if (assignments / raw >= ASSIGNMENTS_TO_RAW) return '';
  const eachUs = (perSecond: number) => inFull((cpus().length * 1e6) / perSecond);
  return `
With the queues in ${backend} the aim is missed. It leaves an assignment ${eachUs(raw * ASSIGNMENTS_TO_RAW)} µs of this machine's processors, for the load
generator, the gateway, the scheduler and every durable row and event together; it takes ${eachUs(assignments)} µs.
`;
}

function peopleSection(people: Record<string, NotificationFigures>): string {
  const rows = Object.entries(people).map(
    ([backend, { perSecond, latenessP50Ms, latenessP99Ms, waiting }]) =>
      `| ${backend} | ${inFull(perSecond)} | ${inFull(waiting)} | ${latenessP50Ms} | ${latenessP99Ms} |`,
  );
  return `## People

One notifier, one Slack on the same machine; lateness is from the time a retry is due to the end of its attempt.

| queues in | notifications/s | rows waiting | late p50 ms | late p99 ms |
|---|---|---|---|---|
${rows.join('\n')}`;
}

function resourcesSection({ idleMb, warmStartMs }: Resources): string {
  const memory = Object.values(idleMb).reduce((sum, mb) => sum + mb, 0);
  return `## Resources

| what | measured | aim |
|---|---|---|
| memory of the four idle services together, MB | ${memory} | under 500 |
| warm \`npm start\` until ready, s | ${(warmStartMs / 1000).toFixed(1)} | at most 10 |

Memory by service, MB: ${Object.entries(idleMb)
    .map(([name, mb]) => `${name} ${mb}`)
    .join(', ')}.`;
}

function inFull(figure: number): string {
  return Math.round(figure).toLocaleString('en');
}
