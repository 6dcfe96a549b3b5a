// A database server of their own for the suites of one run; see test-postgres.mjs.
import { startTestPostgres } from './test-postgres.mjs';

export default async function globalSetup() {
  // The test command starts one server for its several runs.
  if (process.env.HOUSTON_TEST_DATABASE_URL) return;
  const server = await startTestPostgres();
  process.env.HOUSTON_TEST_DATABASE_URL = server.url;
  globalThis.houstonTestPostgres = server;
}
