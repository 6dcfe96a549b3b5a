import { MAX_TOKENS } from '@houston/common/domain/usage.js';
import { CsvRecord, readCsv } from './csv-lines.js';
import { TraceFault } from './trace-fault.js';

/** One model run of a trace. */
export interface TraceRow {
  at: Date;
  /** Null: the trace does not say. */
  model: string | null;
  /** Null: the trace does not say. */
  agent: string | null;
  inputTokens: number;
  outputTokens: number;
}

interface Columns {
  timestamp: Column;
  input: Column;
  output: Column;
  model: Column | null;
  agent: Column | null;
  width: number;
}

interface Column {
  name: string;
  index: number;
}

const AZURE = ['timestamp', 'contexttokens', 'generatedtokens'];
const OWN = ['timestamp', 'model', 'input_tokens', 'output_tokens'];
const TIME = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?$/i;
const EPOCH_SECONDS = /^\d{9,10}(\.\d{1,9})?$/;
const EPOCH_MS = /^\d{12,13}$/;

/**
 * Reads a usage trace row by row, without holding the file in memory. Two headers are understood, in any order and case:
 * `TIMESTAMP,ContextTokens,GeneratedTokens` (the Azure LLM inference traces) and
 * `timestamp,model,input_tokens,output_tokens[,agent]`. Other columns are ignored. A time without a zone is UTC.
 * @throws TraceFault at the first line that cannot be read.
 */
export async function* readTrace(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TraceRow> {
  let columns: Columns | undefined;
  let rows = 0;
  for await (const record of readCsv(bytes)) {
    if (columns === undefined) {
      columns = readHeader(record);
    } else {
      rows += 1;
      yield readRow(record, columns);
    }
  }
  if (columns === undefined) throw new TraceFault('The file is empty.');
  if (rows === 0) throw new TraceFault('The file has a header but no rows.');
}

function readHeader({ cells, line }: CsvRecord): Columns {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) throw new TraceFault('This column stands twice in the header.', line, twice);
  const [timestamp = '', input = '', output = ''] = names.includes('contexttokens') ? AZURE : [OWN[0], OWN[2], OWN[3]];
  const needed = names.includes('contexttokens') ? AZURE : OWN;
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new TraceFault(
      `The header lacks ${missing.join(', ')}. Use either ${OWN.join(',')}[,agent] or TIMESTAMP,ContextTokens,GeneratedTokens.`,
      line,
    );
  }
  const column = (name: string) => ({ name: cells[names.indexOf(name)]?.trim() ?? name, index: names.indexOf(name) });
  const optional = (name: string) => (names.includes(name) ? column(name) : null);
  return {
    timestamp: column(timestamp),
    input: column(input),
    output: column(output),
    model: optional('model'),
    agent: optional('agent'),
    width: cells.length,
  };
}

function readRow(record: CsvRecord, columns: Columns): TraceRow {
  if (record.cells.length !== columns.width) {
    throw new TraceFault(`This line has ${record.cells.length} cells, the header has ${columns.width}.`, record.line);
  }
  const cell = (column: Column) => record.cells[column.index]?.trim() ?? '';
  return {
    at: readTime(cell(columns.timestamp), record.line, columns.timestamp),
    model: columns.model === null ? null : readName(cell(columns.model), record.line, columns.model),
    agent: columns.agent === null ? null : cell(columns.agent) || null,
    inputTokens: readCount(cell(columns.input), record.line, columns.input),
    outputTokens: readCount(cell(columns.output), record.line, columns.output),
  };
}

function readTime(text: string, line: number, column: Column): Date {
  const ms = EPOCH_MS.test(text) ? Number(text) : EPOCH_SECONDS.test(text) ? Number(text) * 1000 : calendarMs(text);
  if (ms === null)
    throw new TraceFault(`"${shown(text)}" is not a time such as 2023-11-16 18:15:46.680.`, line, column.name);
  return new Date(Math.trunc(ms));
}

function calendarMs(text: string): number | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const exists =
    new Date(midnight).getUTCMonth() === Number(month) - 1 &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60;
  if (!exists) return null;
  const ofDayMs = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
  return midnight + ofDayMs + Number(fraction.padEnd(3, '0').slice(0, 3)) - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

function readName(text: string, line: number, column: Column): string {
  if (text === '') throw new TraceFault('Name a model.', line, column.name);
  return text;
}

function readCount(text: string, line: number, column: Column): number {
  const count = /^\d{1,11}$/.test(text) ? Number(text) : NaN;
  if (count <= MAX_TOKENS) return count;
  throw new TraceFault(`"${shown(text)}" is not a whole number from 0 to ${MAX_TOKENS}.`, line, column.name);
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
