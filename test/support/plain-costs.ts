import { DateTime } from 'luxon';
import { formatUsd } from '@houston/common/domain/money.js';
import type { CostKey, CostRow } from '../../apps/gateway/src/costs/cost.dto.js';

const MINUTE_MS = 60_000;

/** A finished execution, as far as costs are concerned. */
export interface Run {
  agent: string;
  model: string;
  provider: string;
  trigger: string;
  /** Decimal text with microseconds, as Postgres keeps it. */
  startedAt: string;
  inputTokens: number;
  outputTokens: number;
  costNano: bigint;
}

/** Those that started in the span. */
export function within(runs: Run[], from: string, to: string): Run[] {
  return runs.filter((run) => {
    const at = Date.parse(run.startedAt);
    return at >= Date.parse(from) && at < Date.parse(to);
  });
}

export function plainTotals(runs: Run[]) {
  return {
    executions: runs.length,
    inputTokens: runs.reduce((sum, run) => sum + run.inputTokens, 0),
    outputTokens: runs.reduce((sum, run) => sum + run.outputTokens, 0),
    costUsd: formatUsd(runs.reduce((sum, run) => sum + run.costNano, 0n)),
  };
}

/** What costs must be, by the shortest way: one pass over the executions. */
export function plainRows(runs: Run[], from: string, to: string, zone: string, groupBy: CostKey[]): CostRow[] {
  const groups = new Map<string, Run[]>();
  for (const run of within(runs, from, to)) {
    const key = JSON.stringify(groupBy.map((one) => plainKey(run, one, zone)));
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups].map(([key, own]) => {
    const values = JSON.parse(key) as string[];
    return { ...Object.fromEntries(groupBy.map((one, index) => [one, values[index]])), ...plainTotals(own) };
  });
}

function plainKey(run: Run, key: CostKey, zone: string): string {
  const local = DateTime.fromISO(run.startedAt, { zone });
  switch (key) {
    case 'hour': {
      const intoHourMs = local.minute * MINUTE_MS + local.second * 1_000 + local.millisecond;
      return local.minus(intoHourMs).toISO({ suppressMilliseconds: true })!;
    }
    case 'day':
      return local.toISODate()!;
    case 'week':
      return local.startOf('week').toISODate()!;
    case 'month':
      return local.toFormat('yyyy-MM');
    case 'agent':
    case 'model':
    case 'provider':
    case 'trigger':
      return run[key];
    case 'workspace':
      throw new Error('Not asked for here');
  }
}

/** Order among equals is not promised. */
export function byKey(rows: CostRow[], groupBy: CostKey[]): Map<string, CostRow> {
  return new Map(rows.map((row) => [groupBy.map((key) => row[key]).join(' '), row]));
}
