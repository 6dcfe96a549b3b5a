import fc from 'fast-check';
import { createReadStream, existsSync } from 'node:fs';
import { readTrace, TraceRow } from './read-trace.js';

const AZURE_SAMPLE = '/work/shared/data/azure_llm_conv_2023.csv';

async function* inChunks(text: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function rowsOf(text: string | Uint8Array, chunkSize = 7): Promise<TraceRow[]> {
  const rows: TraceRow[] = [];
  for await (const row of readTrace(inChunks(text, chunkSize))) rows.push(row);
  return rows;
}

const row = (overrides: Partial<TraceRow>): TraceRow => ({
  at: new Date('2026-11-20T10:00:00Z'),
  model: 'm',
  agent: null,
  inputTokens: 1,
  outputTokens: 2,
  ...overrides,
});

describe('trace reader', () => {
  it('reads the Azure format: CRLF, seven digits of a second, no line end at the last row', async () => {
    const text =
      'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 19:14:08.4025270,197,183';
    expect(await rowsOf(text)).toEqual([
      { at: new Date('2023-11-16T18:15:46.680Z'), model: null, agent: null, inputTokens: 374, outputTokens: 44 },
      { at: new Date('2023-11-16T19:14:08.402Z'), model: null, agent: null, inputTokens: 197, outputTokens: 183 },
    ]);
  });

  it('reads our own format in any order of columns, with a byte order mark, quotes and foreign columns', async () => {
    const text =
      '\uFEFFAgent,Output_Tokens,note,"model",INPUT_TOKENS,timestamp\n"Zoë, ""the"" one",2,"a\nb",m,1,2026-11-20T10:00:00Z\n\n,2,,m,1,2026-11-20T10:00:00Z\n';
    expect(await rowsOf(text)).toEqual([row({ agent: 'Zoë, "the" one' }), row({ agent: null })]);
  });

  it.each([
    ['2026-11-20T10:00:00Z'],
    ['2026-11-20 10:00'],
    ['2026-11-20T11:30:00.000+01:30'],
    ['2026-11-20 05:00:00-0500'],
    ['1795168800'],
    ['1795168800.000'],
    ['1795168800000'],
  ])('reads the time %s', async (time) => {
    expect(await rowsOf(`timestamp,model,input_tokens,output_tokens\n${time},m,1,2`)).toEqual([row({})]);
  });

  it('reads the same rows however the bytes are cut', async () => {
    const text =
      'timestamp,model,input_tokens,output_tokens,agent\r\n2026-11-20T10:00:00Z,m,1,2,"é\r\nü"\r\n2026-11-20T10:00:00Z,m,1,2,x';
    const whole = await rowsOf(text, 10_000);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (size) =>
        expect(await rowsOf(text, size)).toEqual(whole),
      ),
    );
  });

  it.each([
    ['an empty file', '', 'The file is empty.'],
    ['a header alone', 'timestamp,model,input_tokens,output_tokens\n', 'The file has a header but no rows.'],
    ['a header that lacks columns', 'timestamp,input_tokens\n', /^Line 1: The header lacks model, output_tokens\. /],
    [
      'a column that stands twice',
      'timestamp,model,Model,input_tokens,output_tokens\n',
      'Line 1, column "model": This column stands twice in the header.',
    ],
    [
      'too few cells',
      'timestamp,model,input_tokens,output_tokens\n\n2026-11-20T10:00:00Z,m,1\n',
      'Line 3: This line has 3 cells, the header has 4.',
    ],
    [
      'a negative count',
      'timestamp,model,input_tokens,Output_Tokens\n2026-11-20T10:00:00Z,m,1,-2',
      /^Line 2, column "Output_Tokens": "-2" is not a whole number/,
    ],
    [
      'a fraction',
      'timestamp,model,input_tokens,output_tokens\n2026-11-20T10:00:00Z,m,1.5,2',
      /^Line 2, column "input_tokens": /,
    ],
    [
      'a huge count',
      'timestamp,model,input_tokens,output_tokens\n2026-11-20T10:00:00Z,m,10000000001,2',
      /^Line 2, column "input_tokens": /,
    ],
    [
      'an empty count',
      'timestamp,model,input_tokens,output_tokens\n2026-11-20T10:00:00Z,m,,2',
      /^Line 2, column "input_tokens": /,
    ],
    [
      'a day that does not exist',
      'timestamp,model,input_tokens,output_tokens\n2026-02-30T10:00:00Z,m,1,2',
      /^Line 2, column "timestamp": /,
    ],
    [
      'an hour that does not exist',
      'timestamp,model,input_tokens,output_tokens\n2026-02-20T25:00:00Z,m,1,2',
      /^Line 2, column "timestamp": /,
    ],
    [
      'no model',
      'timestamp,model,input_tokens,output_tokens\n2026-02-20T05:00:00Z,,1,2',
      'Line 2, column "model": Name a model.',
    ],
    [
      'a quote inside a cell',
      'timestamp,model,input_tokens,output_tokens\n2026-02-20T05:00:00Z,m"x"y,1,2',
      /^Line 2: A quote is left open/,
    ],
    [
      'a quote left open',
      'timestamp,model,input_tokens,output_tokens\n2026-02-20T05:00:00Z,"m,1,2\n2026-02-20T05:00:00Z,m,1,2',
      /^Line 2: A quote is left open/,
    ],
  ])('refuses %s and says where', async (_name, text, message) => {
    await expect(rowsOf(text)).rejects.toThrow(message);
  });

  it('counts lines through quoted line ends', async () => {
    const text =
      'timestamp,model,input_tokens,output_tokens,agent\n2026-11-20T10:00:00Z,m,1,2,"a\nb"\n2026-11-20T10:00:00Z,m,x,2,a\n';
    await expect(rowsOf(text)).rejects.toThrow('Line 4, column "input_tokens"');
  });

  it('refuses bytes that are not text, also without any line end, and does not read on', async () => {
    await expect(rowsOf(Buffer.from([0x74, 0xff, 0xfe, 0x0a]))).rejects.toThrow(/^Line 1: This line is not UTF-8 text/);
    let chunks = 0;
    async function* endless() {
      for (; chunks < 1_000_000; chunks += 1) yield Buffer.alloc(64 * 1024, 'x');
    }
    await expect(readTrace(endless()).next()).rejects.toThrow(/^Line 1: This record is longer than 64 KiB/);
    expect(chunks).toBeLessThan(10);
  });

  (existsSync(AZURE_SAMPLE) ? it : it.skip)('reads an hour of Azure traffic whole', async () => {
    let rows = 0;
    let outputTokens = 0;
    for await (const { outputTokens: generated } of readTrace(createReadStream(AZURE_SAMPLE))) {
      rows += 1;
      outputTokens += generated;
    }
    expect(rows).toBe(19_366);
    expect(outputTokens).toBeGreaterThan(4_000_000);
  });
});
