import fc from 'fast-check';
import type { News } from './hub.js';
import { OutputReader } from './output.js';

function read(...chunks: (string | Buffer)[]): { news: News[]; output: ReturnType<OutputReader['end']> } {
  const news: News[] = [];
  const reader = new OutputReader((one) => news.push(one));
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return { news, output: reader.end() };
}

describe('the output of a command', () => {
  it('is its last line of JSON, whatever is said around it', () => {
    expect(read('hello\n{"n": 1}\nmore\n[2]\nbye\n').output).toEqual({ kind: 'json', value: [2] });
  });

  it('is all of it, when all of it is JSON over many lines', () => {
    expect(read('{\n  "n": {\n    "m": []\n  }\n}\n').output).toEqual({ kind: 'json', value: { n: { m: [] } } });
    expect(read('42\n').output).toEqual({ kind: 'json', value: 42 });
  });

  it('is text, or nothing, where there is no JSON; a number in passing is no result', () => {
    expect(read('counting\n3\ndone').output).toEqual({ kind: 'text', text: 'counting\n3\ndone' });
    expect(read('\n \n').output).toEqual({ kind: 'nothing' });
  });

  it('has news taken out, in order, also from a last line without an end', () => {
    const { news, output } = read(
      '{"progress": 1}\n{"n": 1}\n{"usage": {"inputTokens": 2}}\n{"progress": null, "usage": 3}',
    );
    expect(news).toEqual([{ progress: 1 }, { usage: { inputTokens: 2 } }, { progress: null, usage: 3 }]);
    expect(output).toEqual({ kind: 'json', value: { n: 1 } });
  });

  it('does not mistake a result or an error for news because it also names progress or usage', () => {
    expect(read('{"result": 1, "usage": {}}').news).toEqual([]);
    expect(read('{"error": "no", "progress": 5}').news).toEqual([]);
  });

  it('means the same however it is cut into pieces, also within a letter', () => {
    const text = 'grüße\n{"progress": "größer €"}\n{"n": "über 😀"}\n';
    const whole = read(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: Buffer.byteLength(text) })), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), Buffer.byteLength(text)];
        const pieces = at.slice(1).map((end, index) => Buffer.from(text).subarray(at[index], end));
        expect(read(...pieces)).toEqual(whole);
      }),
    );
  });

  it('keeps the end of what is beyond its limit', () => {
    const { output } = read('x'.repeat(3_000_000), '\n{"n": 1}\n');
    expect(output).toEqual({ kind: 'json', value: { n: 1 } });
  });
});
