// Runs before anything is installed: only what Node itself brings.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const LEAST_NODE = [20, 19];

/** Ends the process with a plain sentence when Node is too old to run the rest. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  console.error(`Houston needs Node ${LEAST_NODE.join('.')} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** Installs the packages of package-lock.json when they are not all there. */
export function ensureInstalled(root) {
  if (isInstalled(root)) return;
  console.error('Installing packages (once; about a minute) ...');
  const npm = npmCommand();
  const result = spawnSync(npm.file, [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    // A production setting in the caller's environment would leave out the compiler.
    env: { ...process.env, NODE_ENV: 'development', npm_config_omit: '', npm_config_json: 'false' },
  });
  if (result.status === 0 && isInstalled(root)) return;
  console.error('npm ci failed: see its messages above.');
  process.exit(1);
}

/** Compares what npm noted about node_modules with the lock file: times would lie after a checkout. */
function isInstalled(root) {
  const wanted = readPackages(path.join(root, 'package-lock.json')) ?? {};
  const present = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (present === undefined) return false;
  return Object.entries(wanted).every(([where, { version, optional }]) => {
    if (where === '') return true;
    const found = present[where];
    return found === undefined ? optional === true : found.version === version;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The npm that runs us, else the one on the PATH. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.js$/.test(script)) return { file: process.execPath, args: [script] };
  return { file: 'npm', args: [] };
}
