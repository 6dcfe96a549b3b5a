// npm run docs:schema: writes schema.sql from a freshly migrated database; with --check it only says whether it is current.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);

const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const { startEmbeddedPostgres } = await load('launcher/embedded-postgres.js');
const { migrate } = await load('libs/common/src/db/migrate.js');
const { connect } = await load('libs/common/src/db/data-source.js');
const { describeSchema } = await load('libs/common/src/db/describe-schema.js');

const file = path.join(root, 'libs', 'common', 'src', 'db', 'schema.sql');
const current = await freshSchema();
const written = readOr(file, '');
if (current !== written && process.argv.includes('--check')) {
  console.error('libs/common/src/db/schema.sql is out of date: run npm run docs:schema.');
  process.exitCode = 1;
} else if (current !== written) {
  writeFileSync(file, current);
  console.error('schema.sql written.');
}

async function freshSchema() {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'houston-schema-'));
  const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
  try {
    await migrate(server.url);
    const dataSource = await connect(server.url, 1);
    try {
      return await describeSchema(dataSource);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function readOr(name, otherwise) {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  }
}
