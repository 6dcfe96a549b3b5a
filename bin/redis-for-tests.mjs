// A Redis server for the suites: found, installed where that is possible, started on a free port with nothing kept.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLICY = '/usr/sbin/policy-rc.d';

/** @returns {{ok: true, program: string} | {ok: false, why: string}} */
export function findRedis() {
  if (onPath('redis-server')) return { ok: true, program: 'redis-server' };
  if (process.getuid?.() !== 0 || !onPath('apt-get'))
    return { ok: false, why: 'redis-server is not on the PATH (Debian: apt-get install redis-server)' };
  console.error('Installing redis-server for the queue suites ...');
  const failure = install();
  if (onPath('redis-server')) return { ok: true, program: 'redis-server' };
  return { ok: false, why: `redis-server could not be installed: ${failure}` };
}

/** @returns {Promise<{url: string, stop(): Promise<void>}>} */
export async function startRedis(program) {
  const port = await freePort();
  const dir = mkdtempSync(path.join(tmpdir(), 'houston-redis-'));
  const options = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--bind', '127.0.0.1'];
  const child = spawn(program, ['--port', String(port), '--dir', dir, ...options], { stdio: ['ignore', 'ignore', 2] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${program} ended at once (exit code ${child.exitCode}).`);
    if (await answers(port)) return { url: `redis://127.0.0.1:${port}`, stop };
    await delay(25);
  }
  await stop();
  throw new Error(`${program} did not answer within 5 s.`);
}

/** Installs the package without the service that comes with it; answers with what went wrong, if anything. */
function install() {
  // Debian asks this file whether a service may start.
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'redis-server']]) {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      const result = spawnSync('apt-get', ['-qq', ...args], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      if (result.status !== 0 && args[0] === 'install') return lastLine(result.stderr);
    }
    return 'the package brought no redis-server';
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) || 'apt-get gave no reason';
}

function onPath(program) {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('PING\r\n'));
    socket.once('data', (data) => resolve(data.toString().startsWith('+PONG')));
    socket.once('error', () => resolve(false));
  });
}
