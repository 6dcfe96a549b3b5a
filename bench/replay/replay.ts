// npm run replay -- FILE.csv: sends a usage trace through a running Houston, as the agents would that made it.
import { resolve } from 'node:path';
import { runCommand } from './command.js';
import { openTrace } from './trace-source.js';

// npm runs scripts in the package's folder; the file was named in the caller's.
const callersFolder = process.env.INIT_CWD ?? process.cwd();

process.exitCode = await runCommand(
  {
    name: 'replay',
    defaults: { takesFile: true, speed: 'max' },
    openTrace: ({ file }) => openTrace(resolve(callersFolder, file ?? '')),
  },
  process.argv.slice(2),
);
