import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { CliFault } from './cli-fault.js';
import type { HubAddress } from './hub-request.js';

/** What `agent add` writes down and `agent run` reads. It holds a key: for its owner's eyes only. */
export interface AgentConfig extends HubAddress {
  /** Its name. */
  agent: string;
  agentId: string;
  keyId: string;
}

const OWNER_ONLY = 0o600;
const FOR_OTHERS = 0o077;

/** `HOUSTON_CONFIG_DIR`, or `.houston` in the user's home. */
export function configFolder(env: NodeJS.ProcessEnv = process.env): string {
  return path.join(env['HOUSTON_CONFIG_DIR'] ?? path.join(homedir(), '.houston'), 'agents');
}

/** Any name makes one file name. */
export function configFileOf(agent: string, folder = configFolder()): string {
  return path.join(folder, `${encodeURIComponent(agent).replaceAll('.', '%2E')}.json`);
}

/** Asked before a key is made that nobody could keep. @throws CliFault when the file cannot be written */
export async function mustBeWritable(file: string): Promise<void> {
  const probe = `${file}.${process.pid}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(probe, '', { mode: OWNER_ONLY, flag: 'wx' });
    await rm(probe);
  } catch (error) {
    throw new CliFault(`${file} cannot be written: ${(error as Error).message}`, 2, error);
  }
  const present = await stat(file).catch(() => null);
  if (present?.isDirectory()) throw new CliFault(`${file} is a folder; --config takes a file.`, 2);
}

/** Whole or not at all: whoever reads meanwhile sees the one before. */
export async function writeConfig(file: string, config: AgentConfig): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: OWNER_ONLY, flag: 'wx' });
  await rename(draft, file);
}

/** @throws CliFault when it is missing, not what it should be, or readable by others */
export async function readConfig(file: string): Promise<AgentConfig> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new CliFault(`There is no ${file}. Make it with "npx houston agent add --name NAME --hub URL".`, 2, error);
  });
  if (process.platform !== 'win32' && ((await stat(file)).mode & FOR_OTHERS) !== 0) {
    throw new CliFault(`${file} holds a key and others can read it: chmod 600 it, or add the agent again.`, 2);
  }
  const config = parsed(file, text);
  const texts = [config.hub, config.key, config.agent, config.agentId];
  if (!texts.every((value) => typeof value === 'string' && value !== '')) {
    throw new CliFault(`${file} lacks hub, key, agent or agentId: add the agent again.`, 2);
  }
  return { ...config, workspace: config.workspace ?? null };
}

/** The only configured agent, when nobody said which. @throws CliFault when there are none or several */
export async function onlyConfigFile(folder = configFolder()): Promise<string> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith('.json'));
  if (files.length === 1) return path.join(folder, files[0]!);
  const which = files.map((name) => decodeURIComponent(name.slice(0, -'.json'.length))).join(', ');
  throw new CliFault(
    files.length === 0
      ? `No agent is configured in ${folder}. Make one with "npx houston agent add --name NAME --hub URL".`
      : `Say which agent with --name: ${which}.`,
    2,
  );
}

function parsed(file: string, text: string): AgentConfig {
  try {
    return JSON.parse(text) as AgentConfig;
  } catch (error) {
    throw new CliFault(`${file} is not JSON: add the agent again.`, 2, error);
  }
}
