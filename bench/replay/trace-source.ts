import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readTrace, TraceRow } from './read-trace.js';
import { ReplayFault } from './replay-fault.js';

/** Rows, and how much of them has been read. */
export interface TraceSource {
  rows: AsyncIterable<TraceRow>;
  /** From 0 to 1. */
  fraction: () => number;
}

/** @throws ReplayFault when the file is not there or cannot be read. */
export async function openTrace(path: string): Promise<TraceSource> {
  const size = await sizeOf(path);
  const stream = createReadStream(path);
  return { rows: readTrace(stream), fraction: () => (size === 0 ? 1 : stream.bytesRead / size) };
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch (error) {
    throw new ReplayFault(
      `The file ${path} cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : String(error)}).`,
      2,
      error,
    );
  }
  throw new ReplayFault(`${path} is not a file.`, 2);
}
