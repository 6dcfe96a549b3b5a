import { formatUsd, NanoUsd } from '@houston/common/domain/money.js';
import { BudgetProposal, proposalText } from './budget-proposal.js';
import { BudgetBooks } from './houston-client.js';
import { ReplayTally } from './run-replay.js';
import { WhatIfResult } from './what-if.js';

export interface Percentiles {
  p50Ms: number | null;
  p99Ms: number | null;
}

/** All amounts are decimal strings in USD. */
export interface ReplaySummary {
  runs: number;
  admitted: number;
  denied: number;
  failed: number;
  firstFailure: string | null;
  retries: number;
  elapsedMs: number;
  runsPerSecond: number;
  maxLagMs: number;
  costUsd: string;
  overageUsd: string;
  overspend: Overspend;
  admit: Percentiles;
  complete: Percentiles;
  thresholdAlerts: number;
}

/** Two independent answers to one question; both must be zero. */
export interface Overspend {
  /** The most that any enforcing budget spent beyond its limit, by Houston's own figures. Null: no budget took part. */
  byBudgetUsd: string | null;
  /** What the client saw settled beyond the limit of the replay's own budget. Null: it has none. */
  byClientUsd: string | null;
  /** Whether the budget's spending equals, to the nano, what the client saw settled. Null: cannot be compared. */
  booksAgree: boolean | null;
  /** What is still held; a finished replay leaves nothing. Null: the replay has no budget of its own. */
  heldUsd: string | null;
}

export interface ReplayBooks {
  tally: ReplayTally;
  retries: number;
  thresholdAlerts: number;
  /** The budget made for this replay, as it began and as it is now. */
  own: { before: BudgetBooks; after: BudgetBooks } | null;
  /** Every other budget that covered a run, as it is now. */
  others: BudgetBooks[];
}

export function summarise({ tally, retries, thresholdAlerts, own, others }: ReplayBooks): ReplaySummary {
  const { sent, admitted, denied, failed, firstFailure, elapsedMs, maxLagMs } = tally;
  return {
    runs: sent,
    admitted,
    denied,
    failed,
    firstFailure,
    retries,
    elapsedMs: Math.round(elapsedMs),
    runsPerSecond: elapsedMs === 0 ? 0 : Math.round((sent * 10_000) / elapsedMs) / 10,
    maxLagMs: Math.round(maxLagMs),
    costUsd: formatUsd(tally.costNano),
    overageUsd: formatUsd(tally.overageNano),
    overspend: overspendOf(tally, own, others),
    admit: percentilesOf(tally.admitMs),
    complete: percentilesOf(tally.completeMs),
    thresholdAlerts,
  };
}

/** Whether everything that Houston promises held in this replay. */
export function isClean({ failed, overspend }: ReplaySummary): boolean {
  const none = (usd: string | null) => usd === null || usd === '0';
  return failed === 0 && none(overspend.byBudgetUsd) && none(overspend.byClientUsd) && overspend.booksAgree !== false;
}

/** The smallest sample that at least p percent of all samples do not exceed. Null without samples. */
export function percentile(samples: readonly number[], percent: number): number | null {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? null;
}

export function replayLines(summary: ReplaySummary): [string, string][] {
  const { overspend } = summary;
  const lines: [string, string][] = [
    ['runs', `${count(summary.runs)} in ${seconds(summary.elapsedMs)} (${summary.runsPerSecond}/s)`],
    ['admitted', count(summary.admitted)],
    ['denied', count(summary.denied)],
    ['cost', usd(summary.costUsd)],
    ['overspend', overspendText(overspend)],
    ['admit', latencyText(summary.admit)],
    ['complete', latencyText(summary.complete)],
    ['threshold alerts', count(summary.thresholdAlerts)],
  ];
  if (summary.overageUsd !== '0') lines.push(['overage', usd(summary.overageUsd)]);
  if (overspend.booksAgree !== null)
    lines.push(['books', overspend.booksAgree ? 'balance to the nano-dollar' : 'DO NOT BALANCE']);
  if (overspend.heldUsd !== null && overspend.heldUsd !== '0') lines.push(['still held', usd(overspend.heldUsd)]);
  if (summary.retries > 0) lines.push(['sent again', count(summary.retries)]);
  if (summary.maxLagMs >= 1000) lines.push(['behind the trace', `up to ${seconds(summary.maxLagMs)}`]);
  if (summary.failed > 0) lines.push(['failed', `${count(summary.failed)}: ${summary.firstFailure ?? ''}`]);
  return lines;
}

export function whatIfLines(
  result: WhatIfResult,
  budget: BudgetProposal,
  unpriced: ReadonlyMap<string, number>,
): [string, string][] {
  const lines: [string, string][] = [
    ['budget', proposalText(budget)],
    ['runs', count(result.runs)],
    ['would admit', count(result.admitted)],
    ['would deny', count(result.denied)],
    ['cost without it', usd(formatUsd(result.unboundedNano))],
    ['cost with it', usd(formatUsd(result.costNano))],
    ['saved', usd(formatUsd(result.savedNano))],
    ['overspend', usd(formatUsd(result.overspendNano))],
    ['windows with denials', `${count(result.windowsWithDenials)} of ${count(result.windows)}`],
  ];
  if (result.firstDenialAt !== null) lines.push(['first denial', result.firstDenialAt.toISOString()]);
  for (const [model, runs] of unpriced)
    lines.push(['left out', `${count(runs)} runs of ${model}, which has no known price`]);
  return lines;
}

/** The same for scripts; amounts are decimal strings in USD. */
export function whatIfJson(
  result: WhatIfResult,
  budget: BudgetProposal,
  unpriced: ReadonlyMap<string, number>,
): object {
  const { runs, admitted, denied, windows, windowsWithDenials } = result;
  return {
    budget: { limitUsd: formatUsd(budget.limitNano), period: budget.period },
    runs,
    admitted,
    denied,
    unboundedUsd: formatUsd(result.unboundedNano),
    costUsd: formatUsd(result.costNano),
    savedUsd: formatUsd(result.savedNano),
    overspendUsd: formatUsd(result.overspendNano),
    windows,
    windowsWithDenials,
    firstDenialAt: result.firstDenialAt?.toISOString() ?? null,
    unpricedRuns: Object.fromEntries(unpriced),
  };
}

export function toTable(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}\n`).join('');
}

function overspendOf(tally: ReplayTally, own: ReplayBooks['own'], others: readonly BudgetBooks[]): Overspend {
  const enforcing = [...others, ...(own === null ? [] : [own.after])].filter((budget) => budget.enforcing);
  const byBudget = enforcing.map((budget) => budget.spentNano - budget.limitNano);
  // When midnight fell into the replay, the budget's figures are those of the new window alone.
  const comparable = own !== null && own.before.windowStart === own.after.windowStart;
  return {
    byBudgetUsd: enforcing.length === 0 ? null : formatUsd(most(byBudget)),
    byClientUsd: comparable ? formatUsd(most([tally.costNano - own.after.limitNano])) : null,
    booksAgree: comparable && tally.failed === 0 ? own.after.spentNano - own.before.spentNano === tally.costNano : null,
    heldUsd: own === null ? null : formatUsd(own.after.heldNano),
  };
}

function most(amounts: readonly NanoUsd[]): NanoUsd {
  return amounts.reduce((highest, amount) => (amount > highest ? amount : highest), 0n);
}

function percentilesOf(samples: readonly number[]): Percentiles {
  const rounded = (value: number | null) => (value === null ? null : Math.round(value * 100) / 100);
  return { p50Ms: rounded(percentile(samples, 50)), p99Ms: rounded(percentile(samples, 99)) };
}

function overspendText({ byBudgetUsd, byClientUsd }: Overspend): string {
  const answers = [
    byBudgetUsd === null ? [] : `${byBudgetUsd} USD by the budget's figures`,
    byClientUsd === null ? [] : `${byClientUsd} USD by what was settled`,
  ].flat();
  return answers.length === 0 ? 'no enforcing budget took part' : answers.join(', ');
}

function latencyText({ p50Ms, p99Ms }: Percentiles): string {
  return p50Ms === null || p99Ms === null ? 'none' : `p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
}

function usd(amount: string): string {
  return `${amount} USD`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
