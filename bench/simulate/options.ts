import { parseArgs } from 'node:util';
import type { Transport } from './transport.js';

/** What was asked for on the command line. */
export interface SimulateOptions {
  agents: number;
  tasks: number;
  seed: string;
  /** Agents misbehave. */
  chaos: boolean;
  transport: Transport;
  /** Null: a Houston of its own. */
  url: string | null;
  key: string | null;
  /** After this long whatever is not done counts as stuck. */
  withinSeconds: number;
}

export type ParsedOptions =
  { kind: 'run'; options: SimulateOptions } | { kind: 'help' } | { kind: 'fault'; problem: string };

export const USAGE = `Usage: npm run simulate -- [options]

  --agents N        processes that take tasks (10)
  --tasks N         tasks put in (200)
  --seed S          decides who misbehaves when; printed, so that a run can be repeated (random)
  --chaos           agents die, stand still, go deaf, get nowhere, live in another time and lose their connections
  --transport T     socket or http (socket)
  --within S        seconds after which what is not done counts as stuck (300)
  --url URL         a running Houston; without it one is started in a folder that is thrown away
  --key hou_...     its owner's key; needed with --url

Ends with a table of promises. Exit code: 0 all kept, 1 one was broken, 2 the command line is wrong.
`;

const FLAGS = {
  agents: { type: 'string', default: '10' },
  tasks: { type: 'string', default: '200' },
  seed: { type: 'string' },
  chaos: { type: 'boolean', default: false },
  transport: { type: 'string', default: 'socket' },
  within: { type: 'string', default: '300' },
  url: { type: 'string' },
  key: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
    if (values.help === true) return { kind: 'help' };
    const { transport, url = null, key = null } = values;
    if (transport !== 'http' && transport !== 'socket')
      return { kind: 'fault', problem: '--transport is http or socket.' };
    if ((url === null) !== (key === null)) return { kind: 'fault', problem: '--url and --key belong together.' };
    const numbers = [values.agents, values.tasks, values.within].map(Number);
    const [agents = 0, tasks = 0, withinSeconds = 0] = numbers;
    if (!numbers.every((number) => Number.isInteger(number) && number > 0))
      return { kind: 'fault', problem: '--agents, --tasks and --within are whole numbers from 1.' };
    const seed = values.seed ?? String(Math.floor(Math.random() * 1e9));
    return { kind: 'run', options: { agents, tasks, seed, chaos: values.chaos, transport, url, key, withinSeconds } };
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS_'))
      return { kind: 'fault', problem: (error as Error).message };
    throw error;
  }
}
