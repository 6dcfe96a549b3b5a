import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { readLauncherConfig } from '@houston/common/config/config.js';
import { type AgentConfig, configFileOf, mustBeWritable, writeConfig } from './agent-config.js';
import { CliFault } from './cli-fault.js';
import { askHub, type HubAddress, type HubAnswer, HubUnreachable, saying } from './hub-request.js';
import type { AddOptions } from './options.js';

/** What was made. The key itself stands only in the file. */
export interface Added {
  agent: string;
  agentId: string;
  /** False: an agent of this name existed already; it got one more key, and is changed where options say so. */
  created: boolean;
  hub: string;
  workspace: string;
  keyId: string;
  keyPrefix: string;
  configFile: string;
  /** The line that runs it. */
  run: string;
}

/**
 * Makes the agent and a key that acts for it alone, writes both down and tries them.
 * @throws CliFault in a sentence, when Houston is away or refuses
 */
export async function addAgent(options: AddOptions): Promise<Added> {
  const file = path.resolve(options.config ?? configFileOf(options.name));
  await mustBeWritable(file);
  try {
    const maker = { hub: options.hub, key: await makersKey(options), workspace: options.workspace };
    const { agentId, created } = await makeAgent(maker, options);
    const key = await makeKey(maker, options, agentId);
    const config = { ...maker, key: key.key, agent: options.name, agentId, keyId: key.id };
    const workspace = await verify(config);
    await writeConfig(file, { ...config, workspace: options.workspace ?? workspace });
    const which = options.config === null ? `--name ${quoted(options.name)}` : `--config ${quoted(file)}`;
    return {
      ...{ agent: options.name, agentId, created, hub: options.hub, workspace, keyId: key.id, keyPrefix: key.prefix },
      configFile: file,
      run: `npx houston agent run ${which} -- COMMAND`,
    };
  } catch (error) {
    if (error instanceof HubUnreachable) throw new CliFault(`${error.message}. Is Houston running there?`, 1, error);
    throw error;
  }
}

async function makeAgent(maker: HubAddress, options: AddOptions): Promise<{ agentId: string; created: boolean }> {
  const { name, description, capabilities, maxConcurrent, provider, models } = options;
  const said = {
    ...(description === null ? {} : { description }),
    ...(capabilities.length === 0 ? {} : { capabilities }),
    ...(maxConcurrent === null ? {} : { maxConcurrent }),
    ...(provider === null ? {} : { provider }),
    ...(models.length === 0 ? {} : { models }),
  };
  const answer = await askHub(maker, 'POST', '/api/agents', { body: { name, ...said } });
  if (answer.status === 201) return { agentId: textIn(answer, 'id'), created: true };
  if (answer.status !== 409) throw refused('make the agent', answer);
  const agentId = textIn(answer, 'existingId');
  if (Object.keys(said).length > 0) await changeAgent(maker, agentId, said);
  return { agentId, created: false };
}

async function changeAgent(maker: HubAddress, agentId: string, body: Record<string, unknown>): Promise<void> {
  const answer = await askHub(maker, 'PATCH', `/api/agents/${agentId}`, { body });
  if (answer.status !== 200) throw refused('change the agent', answer);
}

async function makeKey(
  maker: HubAddress,
  { name, workspace }: AddOptions,
  agentId: string,
): Promise<{ id: string; key: string; prefix: string }> {
  const label = `${name} on ${hostname()}`.slice(0, 200);
  const body = { name: label, role: 'agent', agent: agentId, ...(workspace === null ? {} : { workspace }) };
  const answer = await askHub(maker, 'POST', '/api/keys', { body });
  if (answer.status !== 201) throw refused('make a key for the agent', answer);
  return { id: textIn(answer, 'id'), key: textIn(answer, 'key'), prefix: textIn(answer, 'prefix') };
}

/** @returns the workspace in which the key speaks */
async function verify(config: AgentConfig): Promise<string> {
  const answer = await askHub(config, 'GET', '/api/me');
  if (answer.status !== 200) throw refused('accept the new key', answer);
  const { agent, workspace } = answer.body as { agent?: { id: string }; workspace?: { slug: string } };
  if (agent?.id === config.agentId && workspace) return workspace.slug;
  throw new CliFault(`${config.hub} takes the new key for somebody else: is it a Houston of this version?`, 1);
}

/** Given, or from the environment, or the owner key that a Houston of this folder keeps. */
async function makersKey({ key }: AddOptions): Promise<string> {
  const given = key ?? process.env['HOUSTON_API_KEY'] ?? process.env['HOUSTON_OWNER_KEY'];
  if (given !== undefined && given !== '') return given;
  const file = path.join(readLauncherConfig().dataDir, 'owner.key');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new CliFault(`Give a key that may make agents with --key; there is none in ${file}.`, 2, error);
  }
}

function textIn(answer: HubAnswer, name: string): string {
  const value = answer.body?.[name];
  if (typeof value === 'string') return value;
  throw new CliFault(`The answer has no ${name} (${answer.status}): is it a Houston of this version?`, 1);
}

function refused(what: string, answer: HubAnswer): CliFault {
  return new CliFault(`Houston does not ${what}: ${saying(answer)}`, 1);
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
