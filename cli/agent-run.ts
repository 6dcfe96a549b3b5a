import path from 'node:path';
import { type AgentConfig, configFileOf, onlyConfigFile, readConfig } from './agent-config.js';
import { CliFault } from './cli-fault.js';
import { askHub, HubUnreachable } from './hub-request.js';
import type { RunOptions } from './options.js';
import { HubDenied } from './sidecar/hub.js';
import { HttpHub } from './sidecar/http-hub.js';
import { Outbox } from './sidecar/outbox.js';
import { Sidecar } from './sidecar/sidecar.js';
import { SocketHub } from './sidecar/socket-hub.js';

/** Stop the sidecar; the command gets the same signal. */
const ENDING = ['SIGINT', 'SIGTERM'] as const;
/** Concern the command alone. */
const PASSED_ON = ['SIGHUP', 'SIGUSR2'] as const;
const PARENT_LOOK_MS = 500;

/** Works for an agent until stopped. @throws CliFault when that is of no use */
export async function runAgent(options: RunOptions): Promise<void> {
  const { name, command, graceSeconds, waitSeconds, tasks } = options;
  const file = path.resolve(options.config ?? (name === null ? await onlyConfigFile() : configFileOf(name)));
  const config = await readConfig(file);
  const log = (line: string) => void process.stderr.write(`houston: ${line}\n`);
  const concurrency = options.concurrency ?? (await registeredCapacity(config));
  const hub = options.transport === 'http' ? new HttpHub(config) : new SocketHub({ config, concurrency, log });
  const outbox = new Outbox(`${file.replace(/\.json$/, '')}.outbox`, hub, log);
  const graceMs = graceSeconds * 1_000;
  const sidecar = new Sidecar({ hub, config, outbox, command, concurrency, waitSeconds, tasks, graceMs, log });
  for (const signal of ENDING) process.on(signal, () => sidecar.stop(signal));
  for (const signal of PASSED_ON) process.on(signal, () => sidecar.forward(signal));
  stopWithNpx(sidecar);
  log(`${config.agent} works for ${config.hub}, ${concurrency} at a time`);
  try {
    await sidecar.run();
  } catch (error) {
    throw asFault(error, options);
  }
}

/** npx does not hand signals on: it dies and leaves us to the init process. Whoever ended it meant us. */
function stopWithNpx(sidecar: Sidecar): void {
  if (process.env['npm_command'] !== 'exec') return;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    sidecar.stop('SIGTERM');
  }, PARENT_LOOK_MS).unref();
}

/** Read once at the start; 1 while the hub is away, so that waiting for it is left to the claims. */
async function registeredCapacity(config: AgentConfig): Promise<number> {
  try {
    const answer = await askHub(config, 'GET', `/api/agents/${config.agentId}`);
    const capacity = answer.body?.['maxConcurrent'];
    return typeof capacity === 'number' && capacity >= 1 ? capacity : 1;
  } catch (error) {
    if (error instanceof HubUnreachable) return 1;
    throw error;
  }
}

function asFault(error: unknown, { command }: RunOptions): unknown {
  if (error instanceof HubDenied) {
    return new CliFault(`Houston refuses this agent: ${error.message}. Add it again for a new key.`, 1, error);
  }
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall?.startsWith('spawn') === true) {
    return new CliFault(`${command[0]} cannot be started: ${code}. Its task went back to Houston.`, 1, error);
  }
  return error;
}
