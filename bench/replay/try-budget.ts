import { PriceSheet } from '@houston/common/domain/pricing.js';
import { findPrice } from '@houston/common/prices/catalogue.js';
import { BudgetProposal } from './budget-proposal.js';
import { TraceRow } from './read-trace.js';
import { ReplayFault } from './replay-fault.js';
import { priceRun, WhatIf, WhatIfResult } from './what-if.js';

export interface Trial {
  result: WhatIfResult;
  /** Runs left out because nobody knows the price of their model. */
  unpriced: Map<string, number>;
}

export interface TrialOptions {
  budget: BudgetProposal;
  /** For rows that name no model. */
  model: string;
  maxOutputTokens: number;
}

/** Plays a trace against a proposed budget at the catalogue's prices of the time. @throws ReplayFault when no row has a price. */
export async function tryBudget(
  rows: AsyncIterable<TraceRow>,
  { budget, model, maxOutputTokens }: TrialOptions,
): Promise<Trial> {
  const whatIf = new WhatIf(budget);
  const unpriced = new Map<string, number>();
  for await (const row of rows) {
    const name = row.model ?? model;
    const sheet = sheetFor(name, row.at);
    if (sheet === null) unpriced.set(name, (unpriced.get(name) ?? 0) + 1);
    else whatIf.offer(priceRun(row, sheet, maxOutputTokens));
  }
  const result = whatIf.result();
  if (result.runs === 0)
    throw new ReplayFault(
      `The catalogue knows no price for ${[...unpriced.keys()].join(', ')}; choose a model with --model.`,
      2,
    );
  return { result, unpriced };
}

function sheetFor(model: string, at: Date): PriceSheet | null {
  const price = findPrice({ model, at });
  return price.found ? price.sheet : null;
}
