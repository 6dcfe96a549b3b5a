// Runs before anything is installed: only what Node itself brings.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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
  // A folder that is nearly right is mended; `npm ci` would empty it first, under whoever is using it.
  const mend = existsSync(path.join(root, 'node_modules'));
  if (!mend && npm(root, ['ci'])) return;
  // `npm ci` also gives up when a registry lacks a package that only other platforms need.
  if (npm(root, ['install', '--no-save'])) return;
  console.error('The packages could not be installed: see the messages of npm above.');
  process.exit(1);
}

function npm(root, command) {
  const { file, args } = npmCommand();
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(file, [...args, ...command, ...quiet], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    // A production setting in the caller's environment would leave out the compiler.
    env: { ...process.env, NODE_ENV: 'development', npm_config_omit: '', npm_config_json: 'false' },
  });
  return result.status === 0 && isInstalled(root);
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
