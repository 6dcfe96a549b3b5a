import { calcPrice, Provider, waitForUpdate } from '@pydantic/genai-prices';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { costOf, PriceSheet } from '../domain/pricing.js';
import { Usage } from '../domain/usage.js';
import { CATALOGUE_VERSION, CataloguePrice, ceilingPrice, findPrice, listPrices } from './catalogue.js';

const USD = 1_000_000_000n;
const at = new Date('2026-11-20T12:00:00Z');

function priceOf(model: string, provider?: string, when = at): CataloguePrice {
  const answer = findPrice({ model, provider, at: when });
  if (!answer.found) throw new Error(`${model} has no price`);
  return answer;
}

async function catalogue(): Promise<Provider[]> {
  return (await waitForUpdate()) ?? [];
}

async function everyRow(): Promise<CataloguePrice[]> {
  const rows: CataloguePrice[] = [];
  for (let page = await listPrices({ at, limit: 1000 }); page.length > 0;) {
    rows.push(...page);
    page = await listPrices({ at, limit: 1000, after: page.at(-1) });
  }
  return rows;
}

const tokens = fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 1_000_000 }));
const usages: fc.Arbitrary<Usage> = fc
  .tuple(tokens, tokens, tokens, tokens, tokens)
  .map(([plain, read, write, visible, reasoning]) => ({
    inputTokens: plain + read + write,
    outputTokens: visible + reasoning,
    cacheReadTokens: read,
    cacheWriteTokens: write,
    reasoningTokens: reasoning,
  }));

function libraryCostUsd(usage: Usage, row: { provider: string; model: string }): number {
  const counts = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    output_reasoning_tokens: usage.reasoningTokens,
  };
  const calculation = calcPrice(counts, row.model, { providerId: row.provider, timestamp: at });
  if (calculation === null) throw new Error(`${row.model} has no price`);
  return calculation.total_price;
}

describe('price catalogue', () => {
  it('finds a model by its name alone and says whose price it is', () => {
    expect(priceOf('gpt-4o')).toEqual({
      found: true,
      provider: 'openai',
      model: 'gpt-4o',
      sheet: {
        inputNanoPerMTok: (25n * USD) / 10n,
        outputNanoPerMTok: 10n * USD,
        cacheReadNanoPerMTok: (125n * USD) / 100n,
      },
      source: 'catalogue',
      catalogueVersion: CATALOGUE_VERSION,
    });
  });

  it('takes a provider, any case, and the provider/model form', () => {
    expect(priceOf('GPT-4o', 'Azure').provider).toBe('azure');
    expect(priceOf(' GPT-4o-2024-08-06 ').model).toBe('gpt-4o');
    expect(priceOf('openai/gpt-4o')).toMatchObject({ provider: 'openai', model: 'gpt-4o' });
  });

  it('leads a name to the same price with the provider that it leads to without one', async () => {
    const rows = await everyRow();
    const names = rows.flatMap(({ provider, model }) => [model, `${provider}/${model}`]);
    let prefixed = 0;
    for (const name of names) {
      const answer = findPrice({ model: name, at });
      if (!answer.found) continue;
      prefixed += name.includes('/') ? 1 : 0;
      expect([name, findPrice({ model: name, provider: answer.provider, at })]).toEqual([name, answer]);
    }
    expect(prefixed).toBeGreaterThan(500);
    expect(findPrice({ model: 'openai/gpt-4o', provider: 'anthropic', at }).found).toBe(false);
  });

  it('does not find what the catalogue does not know, nor what is not sold by the token', () => {
    expect(findPrice({ model: 'our-own-model', at })).toEqual({ found: false });
    expect(findPrice({ model: 'gpt-4o', provider: 'nobody', at })).toEqual({ found: false });
    expect(findPrice({ model: '', at })).toEqual({ found: false });
    expect(findPrice({ model: 'gpt-4o'.repeat(10_000), at })).toEqual({ found: false });
    expect(findPrice({ model: 'whisper-large-v3', provider: 'groq', at })).toEqual({ found: false });
    expect(findPrice({ model: '__proto__', provider: 'constructor', at })).toEqual({ found: false });
  });

  it('follows a price that changes with the hour, also right after answering for another hour', () => {
    const input = (time: string) => priceOf('deepseek-chat', 'deepseek', new Date(time)).sheet.inputNanoPerMTok;
    const day = input('2026-11-20T12:00:00Z');
    const night = input('2026-11-20T20:00:00Z');
    expect(night).not.toEqual(day);
    expect(input('2026-11-20T16:29:59.999Z')).toEqual(day);
    expect(input('2026-11-20T16:30:00Z')).toEqual(night);
    expect(input('2026-11-20T12:00:00Z')).toEqual(day);
  });

  it('follows a price that changes on a date', () => {
    const input = (time: string) => priceOf('o3', 'openai', new Date(time)).sheet.inputNanoPerMTok;
    expect(input('2025-06-09T23:59:59Z')).toBe(10n * USD);
    expect(input('2025-06-10T00:00:00Z')).toBe(2n * USD);
  });

  it('may keep prices for a minute, because the catalogue changes none within a minute', async () => {
    const times = (await catalogue())
      .flatMap((provider) => provider.models)
      .flatMap((model) => (Array.isArray(model.prices) ? model.prices : []))
      .flatMap(({ constraint }) =>
        constraint?.type === 'time_of_date' ? [constraint.start_time, constraint.end_time] : [],
      );
    expect(times.length).toBeGreaterThan(0);
    for (const time of times) expect(time).toMatch(/^\d\d:\d\d:00(Z|[+-]\d\d:\d\d)$/);
  });

  it('costs what the library computes, up to its float error and one nano, for every model and any usage', async () => {
    const rows = await everyRow();
    expect(rows.length).toBeGreaterThan(1_200);
    fc.assert(
      fc.property(fc.constantFrom(...rows), usages, (row, usage) => {
        const ours = Number(costOf(row.sheet, usage).costNano);
        const theirs = libraryCostUsd(usage, row) * 1e9;
        const floatError = theirs * 1e-12 + 1e-3;
        // Prices of more than nine decimals are rounded up: at most one nano per million tokens and kind.
        const roundedUp = 1 + (usage.inputTokens + usage.outputTokens) / 1e6;
        expect(ours).toBeGreaterThanOrEqual(theirs - floatError);
        expect(ours).toBeLessThanOrEqual(theirs + floatError + roundedUp);
      }),
      { numRuns: 5_000 },
    );
  });

  it('has a ceiling that no chat model in the catalogue exceeds, whatever it is used for', async () => {
    const ceiling = await ceilingPrice();
    const rows = await everyRow();
    expect(ceiling.inputNanoPerMTok).toBeGreaterThan(0n);
    const chat = rows.filter((row) => row.sheet.outputNanoPerMTok !== 0n);
    fc.assert(
      fc.property(fc.constantFrom(...chat), usages, (row, usage) => {
        expect(costOf(ceiling, usage).costNano >= costOf(row.sheet, usage).costNano).toBe(true);
      }),
    );
    expect(costOf(ceiling, usageOf(1_000_000, 0)).costNano).toBe(
      costOf(dearestInput(rows), usageOf(1_000_000, 0)).costNano + (ceiling.requestNano ?? 0n),
    );
  });

  it('lists in order, filtered, page by page, and only what a run under that name is charged', async () => {
    const openai = await listPrices({ provider: 'OpenAI', model: 'GPT-4O', at, limit: 100 });
    expect(openai.length).toBeGreaterThan(2);
    for (const row of openai) {
      expect(row.provider).toBe('openai');
      expect(row.model).toContain('gpt-4o');
      expect(findPrice({ model: row.model, provider: row.provider, at })).toEqual(row);
    }
    const first = await listPrices({ at, limit: 3 });
    const second = await listPrices({ at, limit: 3, after: first[2] });
    expect([...first, ...second]).toEqual(await listPrices({ at, limit: 6 }));
    expect(await listPrices({ provider: 'nobody', at, limit: 5 })).toEqual([]);
  });

  it('names the version of the catalogue that is installed', () => {
    const path = join(process.cwd(), 'node_modules/@pydantic/genai-prices/package.json');
    expect(CATALOGUE_VERSION).toBe(JSON.parse(readFileSync(path, 'utf8')).version);
  });
});

function usageOf(inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
}

function dearestInput(rows: CataloguePrice[]): PriceSheet {
  const cost = (row: CataloguePrice) => costOf(row.sheet, usageOf(1_000_000, 0)).costNano;
  return rows.reduce((best, row) => (cost(row) > cost(best) ? row : best)).sheet;
}
