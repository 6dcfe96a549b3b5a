import fc from 'fast-check';
import { costOf, holdFor, PriceSheet, TokenPrice } from './pricing.js';
import { MAX_TOKENS, Usage } from './usage.js';

const USD = 1_000_000_000n;
const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
};
const SONNET: PriceSheet = {
  inputNanoPerMTok: 3n * USD,
  outputNanoPerMTok: 15n * USD,
  cacheReadNanoPerMTok: (3n * USD) / 10n,
  cacheWriteNanoPerMTok: (375n * USD) / 100n,
};
const LONG_CONTEXT: PriceSheet = {
  inputNanoPerMTok: { base: 2n * USD, tiers: [{ startTokens: 200_000, nanoPerMTok: 4n * USD }] },
  outputNanoPerMTok: { base: 10n * USD, tiers: [{ startTokens: 200_000, nanoPerMTok: 15n * USD }] },
};

const cost = (sheet: PriceSheet, usage: Partial<Usage>) => costOf(sheet, { ...NO_USAGE, ...usage }).costNano;

const flatPrice = fc.bigInt({ min: 0n, max: 1_000n * USD });
const tokens = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 1_000_000 }), fc.nat({ max: MAX_TOKENS }));
const start = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 1_000_000 }));

function tiered(risingOnly: boolean): fc.Arbitrary<TokenPrice> {
  return fc
    .tuple(fc.array(flatPrice, { minLength: 1, maxLength: 4 }), fc.uniqueArray(start, { maxLength: 3 }))
    .map(([prices, starts]) => {
      const ordered = risingOnly ? prices.toSorted((a, b) => (a < b ? -1 : 1)) : prices;
      const [base = 0n, ...rest] = ordered;
      const at = starts.toSorted((a, b) => a - b);
      return {
        base,
        tiers: rest.slice(0, at.length).map((nanoPerMTok, index) => ({ startTokens: at[index] ?? 0, nanoPerMTok })),
      };
    });
}

function sheets(risingOnly: boolean): fc.Arbitrary<PriceSheet> {
  const price = fc.oneof(flatPrice, tiered(risingOnly));
  return fc.record(
    {
      inputNanoPerMTok: price,
      outputNanoPerMTok: price,
      cacheReadNanoPerMTok: price,
      cacheWriteNanoPerMTok: price,
      reasoningNanoPerMTok: price,
      requestNano: flatPrice,
    },
    { requiredKeys: ['inputNanoPerMTok', 'outputNanoPerMTok'] },
  );
}

const usages: fc.Arbitrary<Usage> = fc
  .tuple(tokens, tokens, tokens, tokens, tokens)
  .map(([plain, read, write, visible, reasoning]) => ({
    inputTokens: plain + read + write,
    outputTokens: visible + reasoning,
    cacheReadTokens: read,
    cacheWriteTokens: write,
    reasoningTokens: reasoning,
  }));

describe('pricing', () => {
  it('prices uncached, cached and output tokens each at their own price', () => {
    const usage = { inputTokens: 1000, cacheReadTokens: 600, cacheWriteTokens: 300, outputTokens: 200 };
    expect(cost(SONNET, usage)).toBe(100n * 3000n + 600n * 300n + 300n * 3750n + 200n * 15_000n);
  });

  it('charges cached tokens at the input price when the sheet has no price for them', () => {
    const sheet: PriceSheet = { inputNanoPerMTok: 3n * USD, outputNanoPerMTok: 0n };
    expect(cost(sheet, { inputTokens: 1000, cacheReadTokens: 600, cacheWriteTokens: 400 })).toBe(1000n * 3000n);
  });

  it('charges reasoning at the output price, unless the sheet has a price for it', () => {
    const usage = { outputTokens: 100, reasoningTokens: 40 };
    expect(cost(SONNET, usage)).toBe(100n * 15_000n);
    expect(cost({ ...SONNET, reasoningNanoPerMTok: USD }, usage)).toBe(60n * 15_000n + 40n * 1000n);
  });

  it('prices the whole run at the tier that its input count exceeds, output included', () => {
    expect(cost(LONG_CONTEXT, { inputTokens: 200_000, outputTokens: 10 })).toBe(200_000n * 2000n + 10n * 10_000n);
    expect(cost(LONG_CONTEXT, { inputTokens: 200_001, outputTokens: 10 })).toBe(200_001n * 4000n + 10n * 15_000n);
  });

  it('rounds the total up once, not each part', () => {
    const sheet: PriceSheet = { inputNanoPerMTok: 400_000n, outputNanoPerMTok: 400_000n };
    expect(cost(sheet, { inputTokens: 1, outputTokens: 1 })).toBe(1n);
    expect(cost(sheet, { inputTokens: 1 })).toBe(1n);
    expect(cost(sheet, {})).toBe(0n);
  });

  it('adds the price of the request once, also to a run without tokens', () => {
    expect(cost({ ...SONNET, requestNano: 5_000_000n }, {})).toBe(5_000_000n);
  });

  it('keeps the prices it applied as plain JSON', () => {
    const { unitPrices } = costOf({ ...LONG_CONTEXT, requestNano: 1n }, { ...NO_USAGE, inputTokens: 200_001 });
    expect(unitPrices).toEqual({ inputPerMTokUsd: '4', outputPerMTokUsd: '15', requestUsd: '0.000000001' });
    expect(JSON.parse(JSON.stringify(unitPrices))).toEqual(unitPrices);
  });

  it('holds the plain price when caching is not dearer', () => {
    const sheet: PriceSheet = { ...SONNET, cacheWriteNanoPerMTok: undefined };
    expect(holdFor(sheet, { inputTokens: 1000, maxOutputTokens: 200 }).costNano).toBe(1000n * 3000n + 200n * 15_000n);
  });

  it('never lets a run that keeps to its estimate cost more than its hold', () => {
    fc.assert(
      fc.property(sheets(false), usages, tokens, tokens, (sheet, usage, spareInput, spareOutput) => {
        const estimate = {
          inputTokens: usage.inputTokens + spareInput,
          maxOutputTokens: usage.outputTokens + spareOutput,
        };
        expect(costOf(sheet, usage).costNano <= holdFor(sheet, estimate).costNano).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('never gets cheaper by more tokens of any kind, where tiers rise', () => {
    fc.assert(
      fc.property(sheets(true), usages, tokens, (sheet, usage, more) => {
        const before = costOf(sheet, usage).costNano;
        const grown: Usage[] = [
          { ...usage, inputTokens: usage.inputTokens + more },
          { ...usage, inputTokens: usage.inputTokens + more, cacheReadTokens: usage.cacheReadTokens + more },
          { ...usage, inputTokens: usage.inputTokens + more, cacheWriteTokens: usage.cacheWriteTokens + more },
          { ...usage, outputTokens: usage.outputTokens + more },
          { ...usage, outputTokens: usage.outputTokens + more, reasoningTokens: usage.reasoningTokens + more },
        ];
        for (const after of grown) expect(costOf(sheet, after).costNano >= before).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never holds less for a larger estimate', () => {
    fc.assert(
      fc.property(sheets(false), tokens, tokens, tokens, (sheet, inputTokens, maxOutputTokens, more) => {
        const hold = holdFor(sheet, { inputTokens, maxOutputTokens }).costNano;
        expect(holdFor(sheet, { inputTokens: inputTokens + more, maxOutputTokens }).costNano >= hold).toBe(true);
        expect(holdFor(sheet, { inputTokens, maxOutputTokens: maxOutputTokens + more }).costNano >= hold).toBe(true);
      }),
    );
  });
});
