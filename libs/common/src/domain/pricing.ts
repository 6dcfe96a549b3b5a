import { formatUsd, NanoUsd } from './money.js';
import { Usage } from './usage.js';

/** The price applies to runs with more than `startTokens` input tokens. */
export interface PriceTier {
  startTokens: number;
  nanoPerMTok: NanoUsd;
}

/**
 * A price that depends on how long the prompt is. The total input count (cached tokens included) picks one tier, the
 * last whose `startTokens` it exceeds, and that tier prices every token of the kind, not only those beyond its start.
 * The same input count picks the tier of output prices too. Tiers stand in ascending order of `startTokens`.
 */
export interface TieredPrice {
  base: NanoUsd;
  tiers: readonly PriceTier[];
}

/** Nano-USD per million tokens, flat or tiered. */
export type TokenPrice = NanoUsd | TieredPrice;

/** What one model costs at one moment. */
export interface PriceSheet {
  inputNanoPerMTok: TokenPrice;
  outputNanoPerMTok: TokenPrice;
  /** Default: the input price. */
  cacheReadNanoPerMTok?: TokenPrice;
  /** Default: the input price. */
  cacheWriteNanoPerMTok?: TokenPrice;
  /** Default: the output price. */
  reasoningNanoPerMTok?: TokenPrice;
  /** Charged once per run, in nano-USD. Default: nothing. */
  requestNano?: NanoUsd;
}

/** The flat prices that were applied, in USD, as plain JSON: enough to work the cost out again by hand. */
export interface UnitPrices {
  inputPerMTokUsd: string;
  outputPerMTokUsd: string;
  cacheReadPerMTokUsd?: string;
  cacheWritePerMTokUsd?: string;
  reasoningPerMTokUsd?: string;
  requestUsd?: string;
}

export interface Cost {
  costNano: NanoUsd;
  unitPrices: UnitPrices;
}

/** What an agent promises to stay within. */
export interface TokenEstimate {
  inputTokens: number;
  maxOutputTokens: number;
}

const TOKENS_PER_PRICE = 1_000_000n;

/** Prices a finished or running execution. The total is rounded up once, to a whole nano-USD. */
export function costOf(sheet: PriceSheet, usage: Usage): Cost {
  const flat = flatten(sheet, (price) => priceAt(price, usage.inputTokens));
  const uncached = usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens;
  const total =
    BigInt(uncached) * flat.input +
    BigInt(usage.cacheReadTokens) * (flat.cacheRead ?? flat.input) +
    BigInt(usage.cacheWriteTokens) * (flat.cacheWrite ?? flat.input) +
    BigInt(usage.outputTokens - usage.reasoningTokens) * flat.output +
    BigInt(usage.reasoningTokens) * (flat.reasoning ?? flat.output);
  return { costNano: roundUp(total) + (sheet.requestNano ?? 0n), unitPrices: unitPricesOf(flat, sheet.requestNano) };
}

/**
 * The most a run can cost that keeps to its estimate: every input token at the dearest of the input and cache prices,
 * every output token at the dearest of the output and reasoning prices, at the dearest tier within reach. Hence a
 * settlement exceeds its hold only when reality exceeded the estimate, never because a prompt was written to a cache.
 */
export function holdFor(sheet: PriceSheet, estimate: TokenEstimate): Cost {
  const flat = flatten(sheet, (price) => dearestUpTo(price, estimate.inputTokens));
  const input = dearest(flat.input, flat.cacheRead, flat.cacheWrite);
  const output = dearest(flat.output, flat.reasoning);
  const total = BigInt(estimate.inputTokens) * input + BigInt(estimate.maxOutputTokens) * output;
  return { costNano: roundUp(total) + (sheet.requestNano ?? 0n), unitPrices: unitPricesOf(flat, sheet.requestNano) };
}

/** The price of one kind of token in a run of `inputTokens` input tokens. */
export function priceAt(price: TokenPrice, inputTokens: number): NanoUsd {
  if (typeof price === 'bigint') return price;
  return price.tiers.findLast((tier) => inputTokens > tier.startTokens)?.nanoPerMTok ?? price.base;
}

interface FlatPrices {
  input: NanoUsd;
  output: NanoUsd;
  cacheRead?: NanoUsd;
  cacheWrite?: NanoUsd;
  reasoning?: NanoUsd;
}

function flatten(sheet: PriceSheet, pick: (price: TokenPrice) => NanoUsd): FlatPrices {
  const pickOptional = (price: TokenPrice | undefined) => (price === undefined ? undefined : pick(price));
  return {
    input: pick(sheet.inputNanoPerMTok),
    output: pick(sheet.outputNanoPerMTok),
    cacheRead: pickOptional(sheet.cacheReadNanoPerMTok),
    cacheWrite: pickOptional(sheet.cacheWriteNanoPerMTok),
    reasoning: pickOptional(sheet.reasoningNanoPerMTok),
  };
}

function unitPricesOf(flat: FlatPrices, requestNano: NanoUsd | undefined): UnitPrices {
  const prices: UnitPrices = { inputPerMTokUsd: formatUsd(flat.input), outputPerMTokUsd: formatUsd(flat.output) };
  if (flat.cacheRead !== undefined) prices.cacheReadPerMTokUsd = formatUsd(flat.cacheRead);
  if (flat.cacheWrite !== undefined) prices.cacheWritePerMTokUsd = formatUsd(flat.cacheWrite);
  if (flat.reasoning !== undefined) prices.reasoningPerMTokUsd = formatUsd(flat.reasoning);
  if (requestNano !== undefined) prices.requestUsd = formatUsd(requestNano);
  return prices;
}

function dearestUpTo(price: TokenPrice, inputTokens: number): NanoUsd {
  if (typeof price === 'bigint') return price;
  const reachable = price.tiers.filter((tier) => inputTokens > tier.startTokens);
  return dearest(price.base, ...reachable.map((tier) => tier.nanoPerMTok));
}

function dearest(first: NanoUsd, ...others: (NanoUsd | undefined)[]): NanoUsd {
  return others.reduce<NanoUsd>((most, price) => (price !== undefined && price > most ? price : most), first);
}

function roundUp(nanoTimesTokens: bigint): NanoUsd {
  return (nanoTimesTokens + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE;
}
