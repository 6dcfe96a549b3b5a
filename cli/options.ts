import { parseArgs } from 'node:util';
import { CliFault } from './cli-fault.js';

export interface AddOptions {
  name: string;
  hub: string;
  /** Who makes the agent; null: from the environment or the data folder. */
  key: string | null;
  workspace: string | null;
  description: string | null;
  capabilities: { name: string; level?: number }[];
  maxConcurrent: number | null;
  provider: string | null;
  models: string[];
  /** Null: the usual place. */
  config: string | null;
  json: boolean;
}

export interface RunOptions {
  name: string | null;
  config: string | null;
  /** Tasks at once; null: as the registry says. */
  concurrency: number | null;
  /** Seconds a claim waits for work. */
  waitSeconds: number;
  /** End after this many tasks; null: never. */
  tasks: number | null;
  /** How long a command may take to end once told to. */
  graceSeconds: number;
  /** `socket` falls back to HTTP where it has to. */
  transport: 'socket' | 'http';
  command: readonly [string, ...string[]];
}

export const USAGE = `Usage:
  npx houston agent add --name NAME [--hub URL] [options]
  npx houston agent run [--name NAME] [options] -- COMMAND [ARGS...]

agent add makes an agent and a key for it, keeps both in a file of mode 0600, and checks that they work.
  --name NAME            the agent; one of this name that exists already is used, and changed as said here
  --hub URL              where Houston listens (http://127.0.0.1:3000)
  --key hou_...          a key that may make agents and keys ($HOUSTON_API_KEY, or the owner key of this folder's Houston)
  --workspace SLUG       bind the key to this workspace (the workspace of --key)
  --capability NAME[:N]  what it can do, at level 1 to 5; may be repeated
  --max-concurrent N     tasks at once (1)
  --description TEXT  --provider NAME  --model NAME (may be repeated)
  --config FILE          where to keep it ($HOUSTON_CONFIG_DIR/agents/NAME.json, or ~/.houston/agents/NAME.json)
  --json                 print one JSON object

agent run takes tasks and runs COMMAND for each: the task as JSON on its standard input, HOUSTON_* in its environment.
  A line {"progress": ...} on its standard output is passed on; its last JSON, or its exit code, is the result.
  --name NAME            which agent (the only one)
  --config FILE          its file
  --concurrency N        tasks at once (as the registry says)
  --wait N               seconds to wait for work at a time, 0 to 30 (30)
  --tasks N              end after N tasks
  --transport T          socket, which falls back to HTTP by itself, or http (socket)
  --grace N              seconds a command has to end once it is told to (10)

Exit codes: 0 all is well, 1 Houston refuses or is away, 2 the command line or the file is wrong.
`;

export type Parsed = { kind: 'add'; options: AddOptions } | { kind: 'run'; options: RunOptions } | { kind: 'help' };

/** @throws CliFault with exit code 2 */
export function parseCommandLine(args: readonly string[]): Parsed {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  if (own.length === 0 || own.includes('--help') || own.includes('-h')) return { kind: 'help' };
  const [noun, verb, ...flags] = own;
  if (noun === 'agent' && verb === 'add') return { kind: 'add', options: addOptions(flags) };
  if (noun === 'agent' && verb === 'run') {
    return { kind: 'run', options: runOptions(flags, end === -1 ? [] : args.slice(end + 1)) };
  }
  throw new CliFault(`There is no command "${own.slice(0, 2).join(' ')}".\n\n${USAGE}`, 2);
}

function addOptions(flags: string[]): AddOptions {
  const values = valuesOf(flags, {
    ...text('name', 'hub', 'key', 'workspace', 'description', 'max-concurrent', 'provider', 'config'),
    capability: { type: 'string', multiple: true },
    model: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  });
  const one = (name: string) => (values[name] as string | undefined) ?? null;
  const name = one('name');
  if (name === null || name === '') throw new CliFault('Say which agent with --name.', 2);
  return {
    name,
    hub: originOf(one('hub') ?? 'http://127.0.0.1:3000'),
    key: one('key'),
    workspace: one('workspace'),
    description: one('description'),
    capabilities: ((values['capability'] as string[] | undefined) ?? []).map(capabilityOf),
    maxConcurrent: wholeNumber('--max-concurrent', one('max-concurrent'), 1, 1_000),
    provider: one('provider'),
    models: (values['model'] as string[] | undefined) ?? [],
    config: one('config'),
    json: values['json'] === true,
  };
}

function runOptions(flags: string[], command: readonly string[]): RunOptions {
  const values = valuesOf(flags, text('name', 'config', 'concurrency', 'wait', 'tasks', 'grace', 'transport'));
  const one = (name: string) => (values[name] as string | undefined) ?? null;
  const [program, ...rest] = command;
  if (program === undefined) throw new CliFault('Name the command to run after "--".', 2);
  return {
    name: one('name'),
    config: one('config'),
    concurrency: wholeNumber('--concurrency', one('concurrency'), 1, 1_000),
    waitSeconds: wholeNumber('--wait', one('wait'), 0, 30) ?? 30,
    tasks: wholeNumber('--tasks', one('tasks'), 1, 1_000_000_000),
    graceSeconds: wholeNumber('--grace', one('grace'), 0, 3_600) ?? 10,
    transport: transportOf(one('transport') ?? 'socket'),
    command: [program, ...rest],
  };
}

type Flags = NonNullable<Parameters<typeof parseArgs>[0]>['options'];

function text(...names: string[]): NonNullable<Flags> {
  return Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
}

function valuesOf(args: string[], options: Flags): Record<string, unknown> {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const isTheirs = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
    if (isTheirs) throw new CliFault(error.message, 2, error);
    throw error;
  }
}

function wholeNumber(flag: string, value: string | null, least: number, most: number): number | null {
  if (value === null) return null;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  throw new CliFault(`${flag} takes a whole number from ${least} to ${most}, not "${value}".`, 2);
}

function transportOf(value: string): 'socket' | 'http' {
  if (value === 'socket' || value === 'http') return value;
  throw new CliFault(`--transport takes socket or http, not "${value}".`, 2);
}

function capabilityOf(value: string): { name: string; level?: number } {
  const [, name, level] = /^(.+):(-?\d+)$/.exec(value) ?? [];
  if (name === undefined || level === undefined) return { name: value };
  if (!/^[1-5]$/.test(level)) throw new CliFault(`--capability takes levels from 1 to 5, not "${value}".`, 2);
  return { name, level: Number(level) };
}

function originOf(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return new URL(value).origin;
  throw new CliFault(`--hub takes an address such as http://127.0.0.1:3000, not "${value}".`, 2);
}
