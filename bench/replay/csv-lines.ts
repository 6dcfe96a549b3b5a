import { TextDecoder } from 'node:util';
import { TraceFault } from './trace-fault.js';

/** One record of a CSV file. */
export interface CsvRecord {
  /** The line on which the record starts; the first is 1. */
  line: number;
  cells: string[];
}

const MAX_RECORD_LENGTH = 64 * 1024;

/**
 * Splits a stream of UTF-8 bytes into CSV records (RFC 4180): LF or CRLF, quoted cells that may hold commas, quotes and
 * line ends, a byte order mark, no line end needed at the last record. Blank lines are left out. Holds one record at a time.
 * @throws TraceFault when the text is not UTF-8, a quote is left open, or a record exceeds 64 KiB.
 */
export async function* readCsv(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord> {
  let line = 1;
  let pending = '';
  for await (const text of decoded(linesOf(bytes))) {
    pending += text;
    if (pending.length > MAX_RECORD_LENGTH)
      throw new TraceFault('This record is longer than 64 KiB; is this a CSV file?', line);
    if (text.endsWith('\n') && hasOpenQuote(pending)) continue;
    const record = pending.replace(/\r?\n$/, '');
    if (record.trim() !== '') yield { line, cells: splitCells(record, line) };
    line += pending.split('\n').length - 1;
    pending = '';
  }
}

/** Cuts the stream after each line feed; every piece but the last ends with one. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = [];
  let restLength = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield join(rest, chunk.subarray(from, end + 1));
      rest = [];
      restLength = 0;
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
    restLength += chunk.length - from;
    // Binary files may have no line feed at all; a record this long is refused by the reader.
    if (restLength > 4 * MAX_RECORD_LENGTH) break;
  }
  if (restLength > 0) yield join(rest, new Uint8Array());
}

async function* decoded(lines: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let line = 0;
  for await (const bytes of lines) {
    line += 1;
    const text = decode(decoder, bytes, line);
    yield line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  }
}

function decode(decoder: TextDecoder, bytes: Uint8Array, line: number): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new TraceFault('This line is not UTF-8 text; save the file as UTF-8 CSV.', line, undefined, error);
  }
}

function join(parts: Uint8Array[], last: Uint8Array): Uint8Array {
  return parts.length === 0 ? last : Buffer.concat([...parts, last]);
}

function hasOpenQuote(text: string): boolean {
  return text.includes('"') && (text.split('"').length - 1) % 2 === 1;
}

function splitCells(record: string, line: number): string[] {
  if (!record.includes('"')) return record.split(',');
  const cells: string[] = [];
  const cell = /\s*"((?:[^"]|"")*)"\s*(?:,|$)|([^",]*)(?:,|$)/y;
  while (cell.lastIndex <= record.length) {
    const match = cell.exec(record);
    if (match === null)
      throw new TraceFault('A quote is left open or stands inside a cell; double it or quote the whole cell.', line);
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (!match[0].endsWith(',')) return cells;
  }
  return cells;
}
