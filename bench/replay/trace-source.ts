import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readTrace, TraceRow } from './read-trace.js';
import { codeOf, ReplayFault } from './replay-fault.js';

/** Rows, and how much of them has been read. */
export interface TraceSource {
  rows: AsyncIterable<TraceRow>;
  /** From 0 to 1. */
  fraction: () => number;
}

/**
 * Opens a trace and reads its header and first row, so that a wrong file is refused before anything is written.
 * @throws ReplayFault when the file is not there; TraceFault when it is no trace.
 */
export async function openTrace(path: string): Promise<TraceSource> {
  const size = await sizeOf(path);
  const stream = createReadStream(path);
  const rows = readTrace(stream);
  const first = await rows.next();
  return {
    rows: first.done === true ? rows : startingWith(first.value, rows),
    fraction: () => (size === 0 ? 1 : stream.bytesRead / size),
  };
}

async function* startingWith(first: TraceRow, rest: AsyncIterable<TraceRow>): AsyncGenerator<TraceRow> {
  yield first;
  yield* rest;
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch (error) {
    throw new ReplayFault(`The file ${path} cannot be read (${codeOf(error)}).`, 2, error);
  }
  throw new ReplayFault(`${path} is not a file.`, 2);
}
