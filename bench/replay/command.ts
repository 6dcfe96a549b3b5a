import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigFaults } from '@houston/common/config/config-faults.js';
import { readLauncherConfig } from '@houston/common/config/config.js';
import { CommandDefaults, parseOptions, ReplayOptions, usageText } from './options.js';
import { ProgressBar } from './progress-bar.js';
import { ReplayFault } from './replay-fault.js';
import { replayThroughHouston } from './replay-session.js';
import { isClean, replayLines, toTable, whatIfJson, whatIfLines } from './summary.js';
import { TraceFault } from './trace-fault.js';
import { TraceSource } from './trace-source.js';
import { tryBudget } from './try-budget.js';

export interface Command {
  name: string;
  defaults: CommandDefaults;
  openTrace: (options: ReplayOptions) => Promise<TraceSource>;
}

/** Runs a command and answers with its exit code: 0 fine, 1 Houston failed or a promise broke, 2 the command or file is wrong. */
export async function runCommand(command: Command, args: readonly string[]): Promise<0 | 1 | 2> {
  const parsed = parseOptions(args, command.defaults);
  if (parsed.kind === 'help') {
    process.stdout.write(usageText(command.name, command.defaults));
    return 0;
  }
  if (parsed.kind === 'fault') {
    process.stderr.write(`${parsed.problem}\n\n${usageText(command.name, command.defaults)}`);
    return 2;
  }
  try {
    const trace = await command.openTrace(parsed.options);
    return parsed.options.whatIf ? await whatIf(trace, parsed.options) : await replay(trace, parsed.options);
  } catch (error) {
    return report(error);
  }
}

async function whatIf(trace: TraceSource, options: ReplayOptions): Promise<0> {
  const { budget, model, maxOutputTokens } = options;
  if (budget === null) throw new ReplayFault('--what-if needs a budget to try.', 2);
  const { result, unpriced } = await tryBudget(trace.rows, { budget, model, maxOutputTokens });
  const lines = whatIfLines(result, budget, unpriced);
  process.stdout.write(options.json ? toJsonLine(whatIfJson(result, budget, unpriced)) : toTable(lines));
  return 0;
}

async function replay(trace: TraceSource, options: ReplayOptions): Promise<0 | 1> {
  const config = readLauncherConfig();
  const url = options.url ?? `http://127.0.0.1:${config.port}`;
  const key = options.key ?? config.ownerKey ?? (await ownerKey(config.dataDir));
  const bar = new ProgressBar(process.stderr);
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const onProgress = bar.show.bind(bar);
    const summary = await replayThroughHouston({ url, key, options, trace, signal: stop.signal, onProgress });
    bar.clear();
    process.stdout.write(options.json ? toJsonLine(summary) : toTable(replayLines(summary)));
    return isClean(summary) ? 0 : 1;
  } finally {
    process.off('SIGINT', onInterrupt);
    bar.clear();
  }
}

async function ownerKey(dataDir: string): Promise<string> {
  const path = join(dataDir, 'owner.key');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new ReplayFault(
      `There is no owner key in ${path}. Start Houston with "npm start", or give a key with --key.`,
      1,
      error,
    );
  }
}

function report(error: unknown): 1 | 2 {
  if (error instanceof ReplayFault) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof TraceFault || error instanceof ConfigFaults) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  throw error;
}

function toJsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
