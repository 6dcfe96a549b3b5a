import { box, type Running } from './box.js';

/** How the launcher speaks: to a person (a box on stdout) or to a script (one JSON line on stdout, all else on stderr). */
export interface Terminal {
  /** One line of progress or trouble. */
  tell(line: string): void;
  ready(running: Running, notes: readonly string[]): void;
}

export function terminal(json: boolean, env: NodeJS.ProcessEnv): Terminal {
  const colorless = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  const color = process.stdout.isTTY === true && !colorless && env['TERM'] !== 'dumb';
  // A reader that went away (a closed terminal, `| head`) is no reason to take the services down.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe);
  return {
    tell: (line) => process.stderr.write(`${line}\n`),
    ready: (running, notes) => {
      const text = json ? JSON.stringify(running) : box(running, notes, color);
      process.stdout.write(`${text}\n`);
    },
  };
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}
