import { parseArgs } from 'node:util';

/** What was asked for on the command line. */
export interface SmokeOptions {
  /** Null: a Houston of its own. */
  url: string | null;
  key: string | null;
}

export type ParsedOptions =
  { kind: 'run'; options: SmokeOptions } | { kind: 'help' } | { kind: 'fault'; problem: string };

export const USAGE = `Usage: npm run smoke -- [--url URL --key hou_...]

Connects two agents by sockets, puts ten trivial tasks in, and looks whether all are done and were assigned within 5 s.
Without --url it starts a Houston in a folder that is thrown away. --key is a key that may make agents and tasks.

Exit code: 0 all is well, 1 it is not, 2 the command line is wrong.
`;

const FLAGS = { url: { type: 'string' }, key: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;

export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
    if (values.help === true) return { kind: 'help' };
    const { url = null, key = null } = values;
    if ((url === null) !== (key === null)) return { kind: 'fault', problem: '--url and --key belong together.' };
    if (url !== null && !/^https?:\/\/[^/]+$/.test(url))
      return { kind: 'fault', problem: '--url is an address such as http://127.0.0.1:3000.' };
    return { kind: 'run', options: { url, key } };
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS_'))
      return { kind: 'fault', problem: (error as Error).message };
    throw error;
  }
}
