import { cpus, totalmem } from 'node:os';
import type { Figures } from './load.js';
import type { NotificationFigures } from './notifications.js';
import type { Resources } from './resources.js';
import { STORED_BUDGETS, STORED_EXECUTIONS } from './seed.js';

/** Everything one run measured. */
export interface Results {
  noop: Figures;
  inline: Figures;
  grouped: Figures;
  groupedFull: Figures;
  complete: Figures;
  connections: number;
  rounds: number;
  resources: Resources;
  /** By what carries the queues. */
  notifications: Record<string, NotificationFigures>;
  at: Date;
}

/** docs/benchmarks.md of one run. Ratios are what counts: absolute figures are those of one shared, noisy machine. */
export function report(results: Results): string {
  const { noop, inline, grouped, groupedFull, complete, resources, notifications } = results;
  const row = (name: string, figures: Figures) =>
    `| ${name} | ${Math.round(figures.requestsPerSecond).toLocaleString('en')} | ${figures.p50Ms} | ${figures.p99Ms} |`;
  const ratio = (a: Figures, b: Figures) => (a.requestsPerSecond / b.requestsPerSecond).toFixed(2);
  const memory = Object.values(resources.idleMb).reduce((sum, mb) => sum + mb, 0);
  return `# Benchmarks

Measured by \`npm run bench\` on ${results.at.toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node.js ${process.versions.node}.
All in one run, on one embedded Postgres with durable commits (\`fsync\` and \`synchronous_commit\` on); the load generator shares the
cores. ${results.connections} connections; each figure is the median of ${results.rounds} rounds that took turns. Every run is covered by four
budgets (organization, workspace, agent, agent and model), and all runs share the organization's.

| load | requests/s | p50 ms | p99 ms |
|---|---|---|---|
${row('no-op route', noop)}
${row('admission, one transaction per request', inline)}
${row('admission, group commit', grouped)}
${row(`admission, group commit, with ${STORED_BUDGETS.toLocaleString('en')} budgets and ${STORED_EXECUTIONS.toLocaleString('en')} executions stored`, groupedFull)}
${row('complete', complete)}

| ratio | measured | aim |
|---|---|---|
| group commit to one transaction per request | ${ratio(grouped, inline)} | at least 4 |
| group commit to the no-op route | ${ratio(grouped, noop)} | at least 0.3 |
| p99 of group commit, ms | ${grouped.p99Ms} | under 60 |
| full tables to empty ones | ${ratio(groupedFull, grouped)} | at least 0.8 |
| memory of the four idle services together, MB | ${memory} | under 500 |
| warm \`npm start\` until ready, s | ${(resources.warmStartMs / 1000).toFixed(1)} | at most 10 |

Memory by service, MB: ${Object.entries(resources.idleMb)
    .map(([name, mb]) => `${name} ${mb}`)
    .join(', ')}.

${notificationTable(notifications)}`;
}

function notificationTable(notifications: Record<string, NotificationFigures>): string {
  const rows = Object.entries(notifications).map(
    ([backend, { perSecond, latenessP50Ms, latenessP99Ms, waiting }]) =>
      `| ${backend} | ${Math.round(perSecond)} | ${waiting.toLocaleString('en')} | ${latenessP50Ms} | ${latenessP99Ms} |`,
  );
  return `One notifier, one Slack on the same machine; lateness is from the time a retry is due to the end of its attempt.

| queues in | notifications/s | rows waiting | late p50 ms | late p99 ms |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
