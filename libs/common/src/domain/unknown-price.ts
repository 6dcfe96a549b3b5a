import { PriceSheet } from './pricing.js';

/**
 * What a workspace wants done with a model whose price nobody knows.
 * - `deny`: do not admit the run.
 * - `ceiling`: price it as the dearest model known, so that budgets stay safe.
 * - `flag`: admit it without a price and raise an event, because its cost is missing from every budget.
 */
export const UNKNOWN_PRICE_POLICIES = ['deny', 'ceiling', 'flag'] as const;

export type UnknownPricePolicy = (typeof UNKNOWN_PRICE_POLICIES)[number];

export type UnknownPriceDecision = { kind: 'deny' } | { kind: 'ceiling'; sheet: PriceSheet } | { kind: 'flag' };

export interface UnknownPriceQuestion {
  /** The workspace's choice. Default: `deny` where an enforcing budget matches, else `flag`. */
  policy?: UnknownPricePolicy | null;
  /** Whether any enforcing budget covers the run. */
  enforced: boolean;
  /** The dearest prices known. */
  ceiling: PriceSheet;
}

/** Decides about a run of unknown price. It never answers with a price of zero. */
export function decideUnknownPrice({ policy, enforced, ceiling }: UnknownPriceQuestion): UnknownPriceDecision {
  const effective = policy ?? (enforced ? 'deny' : 'flag');
  return effective === 'ceiling' ? { kind: 'ceiling', sheet: ceiling } : { kind: effective };
}

export function isUnknownPricePolicy(value: unknown): value is UnknownPricePolicy {
  return UNKNOWN_PRICE_POLICIES.some((policy) => policy === value);
}
