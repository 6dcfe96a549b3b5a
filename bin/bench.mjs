// npm run bench: installs and builds when needed, then measures.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './built.mjs';
import { ensureInstalled, requireNode } from './installed.mjs';
import { findRedis, startRedis } from './redis-for-tests.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
requireNode();
ensureInstalled(root);
ensureBuilt(root);
// Notifications are measured with their queues in Redis as well, where there is one.
const found = findRedis();
const redis = found.ok ? await startRedis(found.program) : undefined;
if (redis) process.env.BENCH_REDIS_URL = redis.url;
try {
  await import(pathToFileURL(path.join(root, 'dist', 'bench', 'bench.js')).href);
} finally {
  await redis?.stop();
}
