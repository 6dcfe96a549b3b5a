// The database server of the suites: the launcher's own embedded Postgres, in a folder that is thrown away.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const PREFIX = 'houston-test-';

/** @returns {Promise<{url: string, stop(): Promise<void>}>} superuser URL of a fresh server */
export async function startTestPostgres() {
  const { startEmbeddedPostgres, stopPostmaster, livingPostmaster, isAlive } = await launcher();
  await removeLeftovers({ stopPostmaster, livingPostmaster, isAlive });
  const dataDir = mkdtempSync(path.join(tmpdir(), PREFIX));
  writeFileSync(path.join(dataDir, 'owner.pid'), String(process.pid));
  // Suites kill processes, not machines: without fsync a killed server still loses nothing.
  const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off', max_connections: '300' } });
  return {
    url: server.url,
    stop: async () => {
      await server.stop(2_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A run that was killed could not clean up; the next one does. */
async function removeLeftovers({ stopPostmaster, livingPostmaster, isAlive }) {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = path.join(tmpdir(), name);
    const owner = readOwner(dir);
    if (owner === undefined || (await isAlive(owner))) continue;
    const server = await livingPostmaster(path.join(dir, 'postgres'));
    if (server !== undefined) await stopPostmaster(server, 2_000);
    rmSync(dir, { recursive: true, force: true });
  }
}

function readOwner(dir) {
  try {
    return Number(readFileSync(path.join(dir, 'owner.pid'), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return undefined;
    throw error;
  }
}

/** Jest loads this file as it is, so the launcher's TypeScript is compiled here rather than by Jest. */
async function launcher() {
  const out = path.join(root, '.cache', `launcher-${process.pid}`);
  const swc = path.join(root, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
  execFileSync(process.execPath, [swc, 'launcher', '-d', out, '--quiet'], { cwd: root, stdio: ['ignore', 2, 2] });
  const load = (name) => import(pathToFileURL(path.join(out, 'launcher', name)).href);
  const modules = ['embedded-postgres.js', 'stop-postmaster.js', 'postmaster-file.js', 'process-identity.js'];
  const loaded = await Promise.all(modules.map(load));
  rmSync(out, { recursive: true, force: true });
  return Object.assign({}, ...loaded);
}
