import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';

const WARN = 40;
const LAST_LINES = 25;
const LEVEL_NAMES: Readonly<Record<number, string>> = { 40: 'warn', 50: 'error', 60: 'fatal' };

/** Where the lines of one service go: all to its log, warnings and worse to the terminal. */
export interface OutputSinks {
  log: Writable;
  /** Shows one line to the person at the terminal. */
  tell: (line: string) => void;
}

/** The last lines of a service, for when it cannot start. */
export class LastLines {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > LAST_LINES) this.lines.shift();
  }
}

/** Reads a service's stdout (JSON lines) or stderr (anything, all of it worth showing). */
export function readOutput(stream: Readable, kind: 'stdout' | 'stderr', last: LastLines, sinks: OutputSinks): void {
  createInterface({ input: stream }).on('line', (line) => {
    sinks.log.write(`${line}\n`);
    last.add(line);
    const shown = kind === 'stderr' ? line : asWarning(line);
    if (shown !== undefined && shown.trim() !== '') sinks.tell(shown);
  });
}

/** The text of a log line that is a warning or worse; undefined for all others. */
export function asWarning(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    // Half a line, written by a process that was killed: it is in the log file.
    return undefined;
  }
  const { level, msg, err } = entry as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
  if (typeof level !== 'number' || level < WARN) return undefined;
  const detail = typeof err?.message === 'string' && err.message !== msg ? `: ${err.message}` : '';
  return `${LEVEL_NAMES[level] ?? 'warn'}: ${typeof msg === 'string' ? msg : line}${detail}`;
}
