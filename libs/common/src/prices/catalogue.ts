import { calcPrice, ModelInfo, ModelPrice, PriceCalculation, Provider, waitForUpdate } from '@pydantic/genai-prices';
import { LRUCache } from 'lru-cache';
import { nanoFromNumber, NanoUsd } from '../domain/money.js';
import { PriceSheet, TokenPrice } from '../domain/pricing.js';

/** The version of @pydantic/genai-prices whose bundled prices are used; kept with every price as its provenance. */
export const CATALOGUE_VERSION = '0.1.8';

export interface PriceQuery {
  /** As the agent names it; upper and lower case are the same. A "provider/model" form is understood too. */
  model: string;
  /** Default: the provider that the model's name belongs to. */
  provider?: string | null;
  /** When the run takes place: some prices change on a date or with the hour. */
  at: Date;
}

export interface CataloguePrice {
  found: true;
  /** The catalogue's id of the provider. */
  provider: string;
  /** The catalogue's id of the model. */
  model: string;
  sheet: PriceSheet;
  source: 'catalogue';
  catalogueVersion: string;
}

export type PriceAnswer = CataloguePrice | { found: false };

export interface PriceListQuery {
  /** A part of the model's id; upper and lower case are the same. Default: every model. */
  model?: string;
  /** The catalogue's id of a provider. Default: every provider. */
  provider?: string;
  at: Date;
  /** Rows, from 1 to 1000. */
  limit: number;
  /** The last row of the page before. */
  after?: { provider: string; model: string };
}

const CACHED_PRICES = 5_000;
const MAX_NAME_LENGTH = 256;
const MAX_LISTED = 1_000;
// Asking the catalogue takes some 30 us, too long for every admission. Prices change at whole minutes.
const MINUTE_MS = 60_000;
const NOT_FOUND: PriceAnswer = { found: false };

interface Resolved {
  answer: PriceAnswer;
  changesWithTime: boolean;
}

const resolvedByQuery = new LRUCache<string, Resolved>({ max: CACHED_PRICES });
const sheetByPrices = new WeakMap<ModelPrice, { sheet: PriceSheet | null }>();
let ceiling: Promise<PriceSheet> | undefined;

/**
 * Looks a model's price up in the bundled catalogue; never goes to the network. A model without a price per token
 * (one that is sold by the hour or the page, or listed without any price) is not found: an unknown price is a matter
 * of policy, never zero. Prices of audio, images, searches and one-hour cache writes are left out of the sheet.
 */
export function findPrice(query: PriceQuery): PriceAnswer {
  const model = query.model.trim().toLowerCase();
  const provider = query.provider?.trim().toLowerCase() ?? '';
  if (model === '' || model.length > MAX_NAME_LENGTH || provider.length > MAX_NAME_LENGTH) return NOT_FOUND;
  const key = `${provider}\n${model}`;
  const resolved = cached(key, () => resolve(model, provider, query.at));
  if (!resolved.changesWithTime) return resolved.answer;
  const minute = Math.floor(query.at.getTime() / MINUTE_MS);
  return cached(`${key}\n${minute}`, () => resolve(model, provider, query.at)).answer;
}

/**
 * The prices to assume for a model that nobody knows: the dearest input token (plain, cached, at any tier, at any
 * date), the dearest output token and the dearest request of all models in the catalogue that take and give text.
 * No known chat model costs more for the same tokens.
 */
export function ceilingPrice(): Promise<PriceSheet> {
  ceiling ??= waitForUpdate().then((providers) => dearestOf(allSheets(providers ?? [])));
  return ceiling;
}

/** Lists the catalogue's prices per token in order of provider and model. */
export async function listPrices(query: PriceListQuery): Promise<CataloguePrice[]> {
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), MAX_LISTED);
  const part = query.model?.trim().toLowerCase() ?? '';
  const listed: CataloguePrice[] = [];
  for (const { provider, model } of await modelsInOrder(query.provider)) {
    if (listed.length === limit) break;
    if (query.after !== undefined && !comesAfter({ provider, model }, query.after)) continue;
    if (!model.toLowerCase().includes(part)) continue;
    const { answer } = resolve(model, provider, query.at);
    // A row is what a run under this very name is charged; a name that leads elsewhere is listed there.
    if (answer.found && answer.model === model) listed.push(answer);
  }
  return listed;
}

function cached(key: string, find: () => Resolved): Resolved {
  const known = resolvedByQuery.get(key);
  if (known !== undefined) return known;
  const found = find();
  resolvedByQuery.set(key, found);
  return found;
}

function resolve(model: string, provider: string, at: Date): Resolved {
  const calculation = ask(model, provider, at);
  if (calculation === null) return { answer: NOT_FOUND, changesWithTime: false };
  const changesWithTime = Array.isArray(calculation.model.prices);
  const sheet = sheetOf(calculation.model_price);
  if (sheet === null) return { answer: NOT_FOUND, changesWithTime };
  const found = { provider: calculation.provider.id, model: calculation.model.id, sheet };
  return {
    answer: { found: true, ...found, source: 'catalogue', catalogueVersion: CATALOGUE_VERSION },
    changesWithTime,
  };
}

function ask(model: string, provider: string, at: Date): PriceCalculation | null {
  if (provider !== '') {
    const direct = calcPrice({}, model, { providerId: provider, timestamp: at });
    if (direct !== null || !model.includes('/')) return direct;
    // A run is admitted as "openai/gpt-4o" and settled as that name of the provider it was found to belong to.
    const byName = ask(model, '', at);
    return byName?.provider.id === provider ? byName : null;
  }
  // LiteLLM's way of writing "provider/model" is the catalogue's only door to such names.
  return calcPrice({}, model, { timestamp: at }) ?? calcPrice({}, model, { providerId: 'litellm', timestamp: at });
}

function sheetOf(prices: ModelPrice): PriceSheet | null {
  const known = sheetByPrices.get(prices);
  if (known !== undefined) return known.sheet;
  const sheet = toSheet(prices);
  sheetByPrices.set(prices, { sheet });
  return sheet;
}

function toSheet(prices: ModelPrice): PriceSheet | null {
  const { input_mtok: input, output_mtok: output, requests_kcount: perThousandRequests } = prices;
  if (input === undefined) return null;
  return {
    inputNanoPerMTok: toTokenPrice(input),
    outputNanoPerMTok: output === undefined ? 0n : toTokenPrice(output),
    cacheReadNanoPerMTok: optionalPrice(prices.cache_read_mtok),
    cacheWriteNanoPerMTok: optionalPrice(prices.cache_write_mtok),
    reasoningNanoPerMTok: optionalPrice(prices.output_reasoning_mtok),
    requestNano:
      typeof perThousandRequests === 'number' ? (nanoFromNumber(perThousandRequests, 'up') + 999n) / 1000n : undefined,
  };
}

type ListedPrice = NonNullable<ModelPrice[string]>;

function optionalPrice(price: ListedPrice | undefined): TokenPrice | undefined {
  return price === undefined ? undefined : toTokenPrice(price);
}

function toTokenPrice(price: ListedPrice): TokenPrice {
  if (typeof price === 'number') return nanoFromNumber(price, 'up');
  const tiers = price.tiers.map((tier) => ({ startTokens: tier.start, nanoPerMTok: nanoFromNumber(tier.price, 'up') }));
  return { base: nanoFromNumber(price.base, 'up'), tiers: tiers.sort((a, b) => a.startTokens - b.startTokens) };
}

function allSheets(providers: readonly Provider[]): PriceSheet[] {
  return providers
    .flatMap((provider) => provider.models)
    .flatMap(pricesOf)
    .filter((prices) => prices.input_mtok !== undefined && prices.output_mtok !== undefined)
    .flatMap((prices) => sheetOf(prices) ?? []);
}

function pricesOf({ prices }: ModelInfo): ModelPrice[] {
  return Array.isArray(prices) ? prices.map((conditional) => conditional.prices) : [prices];
}

function dearestOf(sheets: readonly PriceSheet[]): PriceSheet {
  const inputs = sheets.flatMap((sheet) => [
    sheet.inputNanoPerMTok,
    sheet.cacheReadNanoPerMTok,
    sheet.cacheWriteNanoPerMTok,
  ]);
  const outputs = sheets.flatMap((sheet) => [sheet.outputNanoPerMTok, sheet.reasoningNanoPerMTok]);
  return {
    inputNanoPerMTok: dearest(inputs.flatMap(everyTier)),
    outputNanoPerMTok: dearest(outputs.flatMap(everyTier)),
    requestNano: dearest(sheets.map((sheet) => sheet.requestNano ?? 0n)),
  };
}

function everyTier(price: TokenPrice | undefined): NanoUsd[] {
  if (price === undefined) return [];
  return typeof price === 'bigint' ? [price] : [price.base, ...price.tiers.map((tier) => tier.nanoPerMTok)];
}

function dearest(prices: readonly NanoUsd[]): NanoUsd {
  return prices.reduce((most, price) => (price > most ? price : most), 0n);
}

async function modelsInOrder(providerId: string | undefined): Promise<{ provider: string; model: string }[]> {
  const wanted = providerId?.trim().toLowerCase();
  const providers = ((await waitForUpdate()) ?? []).filter(
    (provider) => wanted === undefined || provider.id === wanted,
  );
  const rows = providers.flatMap((provider) =>
    provider.models.map((model) => ({ provider: provider.id, model: model.id })),
  );
  return rows.sort((a, b) => (comesAfter(a, b) ? 1 : -1));
}

function comesAfter(row: { provider: string; model: string }, other: { provider: string; model: string }): boolean {
  return row.provider === other.provider ? row.model > other.model : row.provider > other.provider;
}
