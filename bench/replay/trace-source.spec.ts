import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from './trace-source.js';

describe('trace file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'houston-trace-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const fileWith = async (text: string) => {
    const path = join(folder, 'trace.csv');
    await writeFile(path, text);
    return path;
  };

  it('gives every row, the first included, and says how far it is', async () => {
    const trace = await openTrace(
      await fileWith(
        'timestamp,model,input_tokens,output_tokens\n2026-11-20T10:00:00Z,m,1,2\n2026-11-20T10:00:00Z,m,3,4',
      ),
    );
    const inputs: number[] = [];
    for await (const row of trace.rows) inputs.push(row.inputTokens);
    expect(inputs).toEqual([1, 3]);
    expect(trace.fraction()).toBe(1);
  });

  it('refuses what is no trace at once, before a row is asked for', async () => {
    await expect(openTrace(await fileWith('hello'))).rejects.toThrow(/^Line 1: The header lacks/);
    await expect(openTrace(await fileWith(''))).rejects.toThrow('The file is empty.');
  });

  it('names a file that is not there, and a folder', async () => {
    await expect(openTrace(join(folder, 'nothing.csv'))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('(ENOENT)'),
    });
    await expect(openTrace(folder)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('is not a file'),
    });
  });
});
