import { ConfigFaults } from '@houston/common/config/config-faults.js';
import { addAgent, type Added } from './agent-add.js';
import { runAgent } from './agent-run.js';
import { CliFault } from './cli-fault.js';
import { parseCommandLine, USAGE } from './options.js';

/** The command line `houston`. @returns the exit code */
export async function houston(args: readonly string[]): Promise<0 | 1 | 2> {
  try {
    const parsed = parseCommandLine(args);
    switch (parsed.kind) {
      case 'help':
        process.stdout.write(USAGE);
        return 0;
      case 'add': {
        const added = await addAgent(parsed.options);
        process.stdout.write(parsed.options.json ? `${JSON.stringify(added)}\n` : linesOf(added));
        return 0;
      }
      case 'run':
        await runAgent(parsed.options);
        return 0;
    }
  } catch (error) {
    if (error instanceof CliFault || error instanceof ConfigFaults) {
      process.stderr.write(`${error.message}\n`);
      return error instanceof CliFault ? error.exitCode : 2;
    }
    throw error;
  }
}

function linesOf({ agent, agentId, created, hub, workspace, keyPrefix, configFile, run }: Added): string {
  return `Agent ${agent} ${created ? 'is made' : 'was there already'} (${agentId}).
Its key ${keyPrefix}... works: ${hub}, workspace ${workspace}.
Both are kept in ${configFile}, for your eyes only.

Run it with:

  ${run}
`;
}
