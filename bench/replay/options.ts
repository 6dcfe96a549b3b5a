import { parseArgs } from 'node:util';
import { BudgetProposal, parseProposal } from './budget-proposal.js';

/** What was asked for on the command line. */
export interface ReplayOptions {
  /** The trace; null for the demo, which makes its own. */
  file: string | null;
  model: string;
  agents: number;
  /** Trace seconds per second; null: as fast as Houston answers. */
  speed: number | null;
  budget: BudgetProposal | null;
  /** Null: where the configuration says Houston listens. */
  url: string | null;
  /** Null: the owner key of the data folder. */
  key: string | null;
  concurrency: number;
  maxOutputTokens: number;
  whatIf: boolean;
  json: boolean;
}

export type ParsedOptions =
  { kind: 'run'; options: ReplayOptions } | { kind: 'help' } | { kind: 'fault'; problem: string };

/** What a command uses where the command line is silent. */
export interface CommandDefaults {
  takesFile: boolean;
  speed: string;
  budget?: string;
}

const FLAGS = {
  model: { type: 'string' },
  agents: { type: 'string' },
  speed: { type: 'string' },
  budget: { type: 'string' },
  url: { type: 'string' },
  key: { type: 'string' },
  concurrency: { type: 'string' },
  'max-output': { type: 'string' },
  'what-if': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const DEFAULT_MODEL = 'gpt-4o-mini';

export function usageText(command: string, { takesFile, speed, budget }: CommandDefaults): string {
  return `Usage: npm run ${command} --${takesFile ? ' FILE.csv' : ''} [options]
${takesFile ? '\nFILE.csv has the columns TIMESTAMP,ContextTokens,GeneratedTokens or timestamp,model,input_tokens,output_tokens[,agent].\n' : ''}
  --model M         model of rows that name none (${DEFAULT_MODEL})
  --agents N        agents that rows without one are spread over (8)
  --speed X         trace seconds per second, or max (${speed})
  --budget 5/day    a budget for this replay alone: USD per day, week, month or total (${budget ?? 'none'})
  --max-output N    largest answer that agents declare, in tokens (1024)
  --concurrency N   requests at a time (32)
  --url URL         where Houston listens (http://127.0.0.1:$PORT)
  --key hou_...     API key (the owner key in the data folder)
  --what-if         only compute what the budget would have denied and saved; needs no running Houston
  --json            print one JSON object
`;
}

export function parseOptions(args: readonly string[], defaults: CommandDefaults): ParsedOptions {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: FLAGS,
      allowPositionals: true,
      strict: true,
    });
    return values.help === true ? { kind: 'help' } : { kind: 'run', options: toOptions(values, positionals, defaults) };
  } catch (error) {
    if (error instanceof OptionFault || isParseFault(error)) return { kind: 'fault', problem: error.message };
    throw error;
  }
}

class OptionFault extends Error {}

/** parseArgs throws plain TypeErrors; their code tells them from our own mistakes. */
function isParseFault(error: unknown): error is { message: string } {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_PARSE_ARGS_');
}

type Values = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values'];

function toOptions(values: Values, positionals: readonly string[], defaults: CommandDefaults): ReplayOptions {
  if (positionals.length !== (defaults.takesFile ? 1 : 0)) {
    throw new OptionFault(
      defaults.takesFile ? 'Name one CSV file.' : `"${positionals[0]}" is not expected: the demo takes no file.`,
    );
  }
  const budget = values.budget ?? defaults.budget;
  if (values['what-if'] === true && budget === undefined)
    throw new OptionFault('--what-if needs a budget to try, such as --budget 5/day.');
  return {
    file: positionals[0] ?? null,
    model: values.model ?? DEFAULT_MODEL,
    agents: wholeNumber('--agents', values.agents ?? '8', 100_000),
    speed: speedOf(values.speed ?? defaults.speed),
    budget: budget === undefined ? null : budgetOf(budget),
    url: values.url === undefined ? null : urlOf(values.url),
    key: values.key ?? null,
    concurrency: wholeNumber('--concurrency', values.concurrency ?? '32', 1_000),
    maxOutputTokens: wholeNumber('--max-output', values['max-output'] ?? '1024', 10_000_000),
    whatIf: values['what-if'] === true,
    json: values.json === true,
  };
}

function wholeNumber(flag: string, text: string, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new OptionFault(`${flag} takes a whole number from 1 to ${most}, not "${text}".`);
}

function speedOf(text: string): number | null {
  if (text === 'max') return null;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (speed > 0 && Number.isFinite(speed)) return speed;
  throw new OptionFault(`--speed takes a number above zero, or max, not "${text}".`);
}

function budgetOf(text: string): BudgetProposal {
  const parsed = parseProposal(text);
  if (parsed.ok) return parsed.proposal;
  throw new OptionFault(parsed.problem);
}

function urlOf(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text).origin;
  throw new OptionFault(`--url takes an address such as http://127.0.0.1:3000, not "${text}".`);
}
