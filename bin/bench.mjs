// npm run bench: installs and builds when needed, then measures, with a Redis beside it where one can be had.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';
import { findRedis, startRedis } from './redis-for-tests.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);
const found = findRedis();
const redis = found.ok ? await startRedis(found.program) : undefined;
if (redis === undefined) console.error(`Not measured with Redis, because ${found.why}.`);
else process.env.BENCH_REDIS_URL = redis.url;
try {
  await import(pathToFileURL(path.join(root, 'dist', 'bench', 'bench.js')).href);
} finally {
  await redis?.stop();
}
