import { ApiProperty } from '@nestjs/swagger';
import { formatUsd } from '@houston/common/domain/money.js';
import { projectExhaustion } from '@houston/common/domain/projection.js';
import { scopeView } from '../executions/execution.view.js';
import { BUDGET_STATUSES, BudgetScopeDto, LEVELS, MODES, PERIODS } from './budget.dto.js';
import type { BudgetRow } from './budget.row.js';
import { WEEK_DAYS } from './week-start.js';

export class BudgetWindowView {
  @ApiProperty({ format: 'date-time', description: 'Of a total budget: when it was made' })
  start: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'null: it never ends' })
  end: string | null;
}

export class FrozenView {
  @ApiProperty({ format: 'date-time' })
  at: string;

  @ApiProperty({ example: 'Runaway loop in the crawler' })
  reason: string;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000000' })
  by: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'null: until somebody thaws it' })
  until: string | null;

  @ApiProperty({ type: Object, nullable: true, description: 'What it was frozen for, where Houston itself did it' })
  evidence: Record<string, unknown> | null;
}

export class RaiseView {
  @ApiProperty({ format: 'uuid' })
  approvalId: string;

  @ApiProperty({ example: '5' })
  amountUsd: string;

  @ApiProperty({ format: 'date-time' })
  until: string;
}

export class BudgetView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'Research, daily' })
  name: string;

  @ApiProperty({ example: '50', description: 'The raises that last are contained in it; PATCH sets it without them' })
  limitUsd: string;

  @ApiProperty({ type: [RaiseView], description: 'What was granted on top of the limit, and until when' })
  raises: RaiseView[];

  @ApiProperty({ enum: PERIODS })
  period: string;

  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;

  @ApiProperty({ enum: WEEK_DAYS })
  weekStart: string;

  @ApiProperty({ enum: LEVELS })
  level: string;

  @ApiProperty({ type: BudgetScopeDto, example: { agent: 'researcher', model: 'gpt-4o*' } })
  scope: Record<string, unknown>;

  @ApiProperty({ enum: MODES })
  mode: string;

  @ApiProperty({ type: [Number], example: [50, 75, 90] })
  thresholds: number[];

  @ApiProperty({ type: BudgetWindowView })
  window: BudgetWindowView;

  @ApiProperty({ example: '12.3', description: 'Settled in this window' })
  spentUsd: string;

  @ApiProperty({ example: '0.8', description: 'Promised to running executions' })
  heldUsd: string;

  @ApiProperty({ example: '0', description: 'The part of spentUsd that exceeded the holds' })
  overageUsd: string;

  @ApiProperty({ example: '36.9', description: 'limit - spent - held; negative when reality exceeded the holds' })
  remainingUsd: string;

  @ApiProperty({
    example: 24.6,
    nullable: true,
    type: Number,
    description: 'Spent, of the limit; null: the limit is 0',
  })
  consumedPercent: number | null;

  @ApiProperty({ enum: BUDGET_STATUSES })
  status: string;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'If spending goes on at the rate of this window; null: it lasts',
  })
  projectedExhaustionAt: string | null;

  @ApiProperty({ type: FrozenView, nullable: true })
  frozen: FrozenView | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

/** A budget and its figures, as the API shows them. */
export function budgetView(row: BudgetRow, agentNames: ReadonlyMap<string, string>): BudgetView {
  const [limit, spent, held] = [BigInt(row.limit_nano), BigInt(row.spent_nano), BigInt(row.held_nano)];
  const windowStart = row.period === 'total' ? row.created_at : row.window_start;
  const exhaustion = projectExhaustion({
    windowStart,
    windowEnd: row.window_end,
    limitNano: limit,
    spentNano: spent,
    now: row.read_at,
  });
  return {
    id: row.id,
    name: row.name,
    limitUsd: formatUsd(limit),
    raises: row.raises.map(({ approvalId, amountNano, until }) => ({
      approvalId,
      amountUsd: formatUsd(BigInt(amountNano)),
      until,
    })),
    period: row.period,
    timezone: row.timezone,
    weekStart: WEEK_DAYS[row.week_start - 1]!,
    level: row.workspace_id === null ? 'organization' : 'workspace',
    scope: scopeView(
      { agentId: row.agent_id, model: row.model, provider: row.provider, trigger: row.trigger, tags: row.tags },
      agentNames,
    ),
    mode: row.mode,
    thresholds: row.thresholds,
    window: { start: windowStart.toISOString(), end: row.window_end?.toISOString() ?? null },
    spentUsd: formatUsd(spent),
    heldUsd: formatUsd(held),
    overageUsd: formatUsd(BigInt(row.overage_nano)),
    remainingUsd: formatUsd(limit - spent - held),
    consumedPercent: percentOf(spent, limit),
    status: row.frozen_at !== null ? 'frozen' : spent >= limit ? 'exhausted' : 'open',
    projectedExhaustionAt: exhaustion?.toISOString() ?? null,
    frozen: frozenView(row),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Two decimals, rounded half up as Postgres does in the alerts. */
function percentOf(spent: bigint, limit: bigint): number | null {
  if (limit === 0n) return null;
  return Number((spent * 20_000n + limit) / (2n * limit)) / 100;
}

function frozenView(row: BudgetRow): FrozenView | null {
  if (row.frozen_at === null) return null;
  return {
    at: row.frozen_at.toISOString(),
    reason: row.frozen_reason ?? '',
    by: row.frozen_by ?? 'system',
    until: row.frozen_until?.toISOString() ?? null,
    evidence: row.frozen_evidence,
  };
}
