// A database server for each worker of a run; see test-postgres.mjs. One server for all would couple the suites: a
// transaction that writes in one holds the ledger's horizon back in all others.
import { startTestPostgres } from './test-postgres.mjs';

export default async function globalSetup({ maxWorkers }) {
  const servers = await Promise.all(Array.from({ length: Math.max(1, maxWorkers) }, () => startTestPostgres()));
  process.env.HOUSTON_TEST_DATABASE_URLS = servers.map((server) => server.url).join(' ');
  globalThis.houstonTestPostgres = servers;
}
