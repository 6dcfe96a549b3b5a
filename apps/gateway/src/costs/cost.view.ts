import { DateTime } from 'luxon';
import { formatUsd } from '@houston/common/domain/money.js';
import type { CostKey, CostRow, CostsView, CostTotals } from './cost.dto.js';
import type { CostGroup, CostQuestion } from './cost.store.js';

/** @param agents names by id */
export function costsView(question: CostQuestion, groups: CostGroup[], agents: Map<string, string>): CostsView {
  const { from, to, timezone, groupBy } = question;
  const rows = groups.filter((group) => !group.previous);
  const before = groups.filter((group) => group.previous);
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    timezone,
    groupBy,
    rows: rows.map((group) => rowOf(group, question, agents)),
    totals: totalsOf(rows),
    previous: {
      from: new Date(2 * from.getTime() - to.getTime()).toISOString(),
      to: from.toISOString(),
      totals: totalsOf(before),
    },
  };
}

function rowOf(group: CostGroup, { groupBy, timezone }: CostQuestion, agents: Map<string, string>): CostRow {
  const keys = [group.first_key, group.second_key];
  const named = groupBy.map((key, index) => [key, labelOf(key, keys[index] ?? '', timezone, agents)]);
  return { ...(Object.fromEntries(named) as Partial<CostRow>), ...totalsOf([group]) };
}

function labelOf(key: CostKey, value: string, timezone: string, agents: Map<string, string>): string {
  if (key === 'agent') return agents.get(value) ?? value;
  if (key === 'hour') return DateTime.fromISO(value, { zone: timezone }).toISO({ suppressMilliseconds: true }) ?? value;
  return value;
}

function totalsOf(groups: CostGroup[]): CostTotals {
  const sum = (field: 'executions' | 'input_tokens' | 'output_tokens' | 'cost_nano') =>
    groups.reduce((total, group) => total + BigInt(group[field]), 0n);
  return {
    executions: Number(sum('executions')),
    inputTokens: Number(sum('input_tokens')),
    outputTokens: Number(sum('output_tokens')),
    costUsd: formatUsd(sum('cost_nano')),
  };
}
