// Runs right after the installation: only what Node itself brings, and swc as a program.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const SOURCES = ['apps', 'libs', 'launcher', 'cli', 'bench'];
const ALSO = ['.swcrc', 'package-lock.json', 'bin/built.mjs'];

/** Compiles the sources to dist/ when they differ from those it was compiled from. */
export function ensureBuilt(root) {
  const sources = SOURCES.filter((folder) => existsSync(path.join(root, folder)));
  const fingerprint = fingerprintOf(root, sources);
  const stamp = path.join(root, 'dist', '.sources');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;
  console.error('Building ...');
  build(root, sources, fingerprint);
}

/** Compiles beside dist/ and then takes its place: a running Houston never sees half of it, and nothing stale stays. */
function build(root, sources, fingerprint) {
  const fresh = path.join(root, `.cache/dist-${process.pid}`);
  const old = path.join(root, `.cache/dist-old-${process.pid}`);
  const dist = path.join(root, 'dist');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const swc = path.join(root, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const args = [swc, ...sources, '-d', fresh, '--copy-files', '--quiet'];
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    console.error('The build failed: see the messages above.');
    process.exit(1);
  }
  writeFileSync(path.join(fresh, '.sources'), fingerprint);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

function fingerprintOf(root, sources) {
  const hash = createHash('sha256').update(process.versions.modules);
  const files = sources.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name))),
  );
  for (const file of [...ALSO, ...files.sort()]) hash.update(`\0${file}\0`).update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}
