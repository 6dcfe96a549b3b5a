import fc from 'fast-check';
import { MAX_TOKENS, normaliseUsage } from './usage.js';

const NONE = { cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };

function faultPaths(raw: unknown): string[] {
  const result = normaliseUsage(raw);
  return result.ok ? [] : result.faults.map((fault) => fault.path);
}

describe('usage', () => {
  it('takes our own spelling as it stands', () => {
    const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 30, cacheWriteTokens: 40, reasoningTokens: 5 };
    expect(normaliseUsage(usage)).toEqual({ ok: true, usage });
  });

  it('counts what is missing as zero', () => {
    expect(normaliseUsage({ inputTokens: 7 })).toEqual({
      ok: true,
      usage: { inputTokens: 7, outputTokens: 0, ...NONE },
    });
  });

  it('reads OpenAI chat completions, whose prompt tokens include cached ones', () => {
    const raw = {
      prompt_tokens: 1000,
      completion_tokens: 200,
      total_tokens: 1200,
      prompt_tokens_details: { cached_tokens: 600, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 150 },
    };
    const usage = {
      inputTokens: 1000,
      outputTokens: 200,
      cacheReadTokens: 600,
      cacheWriteTokens: 0,
      reasoningTokens: 150,
    };
    expect(normaliseUsage(raw)).toEqual({ ok: true, usage });
  });

  it('reads OpenAI responses, whose input tokens include cached ones', () => {
    const raw = {
      input_tokens: 1000,
      output_tokens: 50,
      input_tokens_details: { cached_tokens: 600 },
      output_tokens_details: { reasoning_tokens: 10 },
    };
    const usage = {
      inputTokens: 1000,
      outputTokens: 50,
      cacheReadTokens: 600,
      cacheWriteTokens: 0,
      reasoningTokens: 10,
    };
    expect(normaliseUsage(raw)).toEqual({ ok: true, usage });
  });

  it('adds the cached tokens that Anthropic leaves out of its input tokens', () => {
    const raw = {
      input_tokens: 100,
      output_tokens: 50,
      cache_read_input_tokens: 600,
      cache_creation_input_tokens: 300,
    };
    const usage = {
      inputTokens: 1000,
      outputTokens: 50,
      cacheReadTokens: 600,
      cacheWriteTokens: 300,
      reasoningTokens: 0,
    };
    expect(normaliseUsage(raw)).toEqual({ ok: true, usage });
  });

  it('takes null for details that a vendor does not report, but never for a count that is due', () => {
    expect(
      normaliseUsage({
        input_tokens: 1,
        output_tokens: 2,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: null,
      }).ok,
    ).toBe(true);
    expect(normaliseUsage({ prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null }).ok).toBe(true);
    expect(faultPaths({ prompt_tokens: null, completion_tokens: 2 })).toEqual(['prompt_tokens']);
    expect(faultPaths({ inputTokens: 1, cacheReadTokens: null })).toEqual(['cacheReadTokens']);
  });

  it.each([
    ['text', '12'],
    ['a negative count', -1],
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['one too many', MAX_TOKENS + 1],
    ['null', null],
    ['a boolean', true],
    ['a list', [1]],
    ['a bigint', 1n],
  ])('refuses %s and names each field that holds it', (_name, bad) => {
    const raw = {
      inputTokens: bad,
      outputTokens: bad,
      cacheReadTokens: bad,
      cacheWriteTokens: bad,
      reasoningTokens: bad,
    };
    expect(faultPaths(raw).sort()).toEqual(Object.keys(raw).sort());
  });

  it('names nested fields by their path, and a broken group once', () => {
    expect(faultPaths({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: '3' } })).toEqual([
      'prompt_tokens_details.cached_tokens',
    ]);
    expect(faultPaths({ prompt_tokens: 5, prompt_tokens_details: 3 })).toEqual(['prompt_tokens_details']);
  });

  it('refuses more cached tokens than input tokens', () => {
    expect(faultPaths({ inputTokens: 10, cacheReadTokens: 11 })).toEqual(['cacheReadTokens']);
    expect(faultPaths({ inputTokens: 10, cacheReadTokens: 6, cacheWriteTokens: 5 })).toEqual(['cacheWriteTokens']);
    expect(faultPaths({ prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 11 } })).toEqual([
      'prompt_tokens_details.cached_tokens',
    ]);
  });

  it('refuses more reasoning tokens than output tokens', () => {
    expect(faultPaths({ outputTokens: 10, reasoningTokens: 11 })).toEqual(['reasoningTokens']);
  });

  it('refuses an Anthropic sum above the cap although each part is below it', () => {
    expect(faultPaths({ input_tokens: MAX_TOKENS, cache_read_input_tokens: 1 })).toEqual(['input_tokens']);
  });

  it.each([[null], [undefined], ['usage'], [5], [[]], [{}], [{ total_tokens: 5 }], [{ inputTokens: undefined }]])(
    'refuses %p, which holds no count',
    (raw) => expect(faultPaths(raw)).toEqual(['']),
  );

  it('refuses two spellings at once, for one of them must be wrong', () => {
    expect(faultPaths({ inputTokens: 5, prompt_tokens: 6 })).toEqual(['prompt_tokens']);
    expect(faultPaths({ prompt_tokens: 5, input_tokens: 6 })).toEqual(['input_tokens']);
  });

  it('never reads a count from a prototype', () => {
    expect(faultPaths(Object.create({ inputTokens: 5 }))).toEqual(['']);
    expect(faultPaths(JSON.parse('{"__proto__": {"inputTokens": 5}}'))).toEqual(['']);
  });

  it('returns whole numbers in range whose parts fit the whole, or faults, for any JSON', () => {
    const token = fc.oneof(fc.nat(), fc.integer(), fc.double(), fc.constant(null), fc.string());
    const keys = [
      'inputTokens',
      'outputTokens',
      'cacheReadTokens',
      'cacheWriteTokens',
      'reasoningTokens',
      'input_tokens',
      'prompt_tokens',
      'cache_read_input_tokens',
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), token), (raw) => {
        const result = normaliseUsage(raw);
        if (!result.ok) return expect(result.faults.length).toBeGreaterThan(0);
        for (const count of Object.values(result.usage))
          expect(Number.isInteger(count) && count >= 0 && count <= MAX_TOKENS).toBe(true);
        expect(result.usage.cacheReadTokens + result.usage.cacheWriteTokens).toBeLessThanOrEqual(
          result.usage.inputTokens,
        );
        expect(result.usage.reasoningTokens).toBeLessThanOrEqual(result.usage.outputTokens);
      }),
    );
  });
});
