import { NanoUsd } from '@houston/common/domain/money.js';
import { costOf, holdFor, PriceSheet } from '@houston/common/domain/pricing.js';
import { BudgetProposal, windowStartMs } from './budget-proposal.js';
import { TraceRow } from './read-trace.js';

/** One run of a trace with its price. */
export interface PricedRun {
  at: Date;
  /** From admission to completion. */
  durationMs: number;
  /** What is held while it runs. */
  holdNano: NanoUsd;
  /** What it costs in the end. */
  costNano: NanoUsd;
}

export interface WhatIfResult {
  runs: number;
  admitted: number;
  denied: number;
  /** What all runs cost without the budget. */
  unboundedNano: NanoUsd;
  /** What the admitted runs cost. */
  costNano: NanoUsd;
  /** What the denied runs would have cost. */
  savedNano: NanoUsd;
  /** The most that any window spent beyond the limit; above zero only if a run cost more than its hold. */
  overspendNano: NanoUsd;
  /** Windows in which something ran, and those of them in which something was denied. */
  windows: number;
  windowsWithDenials: number;
  firstDenialAt: Date | null;
}

interface Window {
  spentNano: NanoUsd;
  heldNano: NanoUsd;
  denied: boolean;
}

interface RunningHold {
  endsMs: number;
  run: PricedRun;
  window: Window;
}

const START_MS = 500;
const MS_PER_OUTPUT_TOKEN = 20;

/** How long a run takes when a trace does not say: half a second, and 50 output tokens each second. */
export function guessDurationMs(row: Pick<TraceRow, 'outputTokens'>): number {
  return START_MS + row.outputTokens * MS_PER_OUTPUT_TOKEN;
}

/** What an agent declares when it asks: its habitual maximum, or more when it knows that it needs more. */
export function declaredOutput(row: Pick<TraceRow, 'outputTokens'>, maxOutputTokens: number): number {
  return Math.max(row.outputTokens, maxOutputTokens);
}

export function priceRun(row: TraceRow, sheet: PriceSheet, maxOutputTokens: number): PricedRun {
  const usage = {
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  };
  return {
    at: row.at,
    durationMs: guessDurationMs(row),
    holdNano: holdFor(sheet, { inputTokens: row.inputTokens, maxOutputTokens: declaredOutput(row, maxOutputTokens) })
      .costNano,
    costNano: costOf(sheet, usage).costNano,
  };
}

/**
 * Plays runs against a budget that does not exist, as Houston would: a run is admitted when what is spent and held in
 * its window leaves room for its hold; when it ends, the hold gives way to the real cost, in the window it began in.
 * Runs are offered in the order in which they begin; windows are those of UTC.
 */
export class WhatIf {
  private readonly windows = new Map<number, Window>();
  /** In order of their end, the next to end last. */
  private readonly running: RunningHold[] = [];
  private readonly totals = { runs: 0, admitted: 0, costNano: 0n, savedNano: 0n };
  private firstDenialAt: Date | null = null;

  constructor(private readonly budget: BudgetProposal) {}

  offer(run: PricedRun): 'admitted' | 'denied' {
    this.settleUntil(run.at.getTime());
    this.totals.runs += 1;
    const window = this.windowOf(run.at);
    if (window.spentNano + window.heldNano + run.holdNano > this.budget.limitNano) return this.deny(run, window);
    window.heldNano += run.holdNano;
    this.keepRunning({ endsMs: run.at.getTime() + run.durationMs, run, window });
    this.totals.admitted += 1;
    this.totals.costNano += run.costNano;
    return 'admitted';
  }

  /** Lets everything end that still runs, and counts. */
  result(): WhatIfResult {
    this.settleUntil(Infinity);
    const { runs, admitted, costNano, savedNano } = this.totals;
    const windows = [...this.windows.values()];
    const overspends = windows.map((window) => window.spentNano - this.budget.limitNano);
    return {
      runs,
      admitted,
      denied: runs - admitted,
      unboundedNano: costNano + savedNano,
      costNano,
      savedNano,
      overspendNano: overspends.reduce((most, overspend) => (overspend > most ? overspend : most), 0n),
      windows: windows.length,
      windowsWithDenials: windows.filter((window) => window.denied).length,
      firstDenialAt: this.firstDenialAt,
    };
  }

  private deny(run: PricedRun, window: Window): 'denied' {
    window.denied = true;
    this.firstDenialAt ??= run.at;
    this.totals.savedNano += run.costNano;
    return 'denied';
  }

  private windowOf(at: Date): Window {
    const startMs = windowStartMs(this.budget.period, at);
    const known = this.windows.get(startMs);
    if (known !== undefined) return known;
    const window = { spentNano: 0n, heldNano: 0n, denied: false };
    this.windows.set(startMs, window);
    return window;
  }

  private keepRunning(hold: RunningHold): void {
    const place = this.running.findLastIndex((other) => other.endsMs >= hold.endsMs);
    this.running.splice(place + 1, 0, hold);
  }

  private settleUntil(ms: number): void {
    for (let next = this.running.at(-1); next !== undefined && next.endsMs <= ms; next = this.running.at(-1)) {
      this.running.pop();
      next.window.heldNano -= next.run.holdNano;
      next.window.spentNano += next.run.costNano;
    }
  }
}
