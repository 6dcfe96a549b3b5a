import { ApiProperty } from '@nestjs/swagger';
import { formatUsd } from '@houston/common/domain/money.js';
import type { AdmissionLeg, BudgetTerms } from '../admission/admission.store.js';
import { EXECUTION_STATUSES, TRIGGERS } from './execution.dto.js';
import type { ExecutionRow } from './execution.row.js';

export class BudgetRemainingView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'Research, daily' })
  name: string;

  @ApiProperty({ example: '4.9877' })
  remainingUsd: string;
}

export class AdmittedView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'admitted' })
  status: string;

  @ApiProperty({ example: 'researcher' })
  agent: string;

  @ApiProperty({ example: 'gpt-4o-mini' })
  model: string;

  @ApiProperty({ example: 'openai' })
  provider: string;

  @ApiProperty({ example: '0.00066' })
  heldUsd: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  holdExpiresAt: string | null;

  @ApiProperty({ type: [BudgetRemainingView] })
  budgets: BudgetRemainingView[];
}

export class UsageView {
  @ApiProperty({ example: 1200 })
  inputTokens: number;

  @ApiProperty({ example: 350 })
  outputTokens: number;

  @ApiProperty({ example: 800 })
  cacheReadTokens: number;

  @ApiProperty({ example: 0 })
  cacheWriteTokens: number;

  @ApiProperty({ example: 0 })
  reasoningTokens: number;
}

export class ExecutionView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: EXECUTION_STATUSES })
  status: string;

  @ApiProperty({ example: 'researcher' })
  agent: string;

  @ApiProperty({ format: 'uuid' })
  agentId: string;

  @ApiProperty({ example: 'gpt-4o-mini' })
  model: string;

  @ApiProperty({ example: 'openai' })
  provider: string;

  @ApiProperty({ enum: TRIGGERS })
  trigger: string;

  @ApiProperty({ nullable: true, type: String })
  taskId: string | null;

  @ApiProperty({ nullable: true, type: String })
  parentId: string | null;

  @ApiProperty({ nullable: true, type: String })
  externalId: string | null;

  @ApiProperty({ type: Object })
  tags: Record<string, string>;

  @ApiProperty({ type: Object })
  metadata: Record<string, unknown>;

  @ApiProperty({ type: Object, nullable: true })
  estimate: Record<string, unknown> | null;

  @ApiProperty({ example: '0.00066', description: 'What it asked for' })
  requestedUsd: string;

  @ApiProperty({ example: '0', description: 'What is held for it now' })
  heldUsd: string;

  @ApiProperty({ example: '0.00039', nullable: true, type: String, description: 'Our price; while running, so far' })
  costUsd: string | null;

  @ApiProperty({ example: '0', description: 'How far the cost exceeded the hold' })
  overageUsd: string;

  @ApiProperty({ nullable: true, type: String, description: 'What the agent believes it cost' })
  reportedCostUsd: string | null;

  @ApiProperty({ type: UsageView })
  usage: UsageView;

  @ApiProperty({ type: [String], format: 'uuid' })
  budgetIds: string[];

  @ApiProperty({
    type: Object,
    nullable: true,
    description: 'Unit prices of the hold and of the settlement, and where they came from',
  })
  price: { held: Record<string, unknown> | null; settled: Record<string, unknown> | null };

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  holdExpiresAt: string | null;

  @ApiProperty({ format: 'date-time' })
  startedAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  endedAt: string | null;

  @ApiProperty({ nullable: true, type: Number })
  durationMs: number | null;

  @ApiProperty({ nullable: true, type: String })
  error: string | null;

  @ApiProperty({ nullable: true, type: String })
  summary: string | null;

  @ApiProperty({ description: 'Completed after its hold had expired' })
  late: boolean;

  @ApiProperty({ type: Object, nullable: true, description: 'Why it was denied' })
  denial: Record<string, unknown> | null;
}

export class ContinueView {
  @ApiProperty({ description: 'false: stop now' })
  continue: boolean;

  @ApiProperty({ example: '0.0121' })
  costUsd: string;

  @ApiProperty({ example: '0.02' })
  heldUsd: string;

  @ApiProperty({ required: false, enum: ['budget_exceeded', 'budget_frozen', 'cancelled', 'expired'] })
  reason?: string;
}

export class RecordedView {
  @ApiProperty({ example: 998 })
  recorded: number;

  @ApiProperty({ example: 2 })
  duplicates: number;

  @ApiProperty({ type: [Object], example: [{ externalId: 'run-1', id: '0199…', status: 'recorded' }] })
  items: { externalId: string; id: string; status: 'recorded' | 'duplicate' }[];
}

/** A row as the API shows it. */
export function executionView(row: ExecutionRow, agentNames: ReadonlyMap<string, string>): ExecutionView {
  const usd = (nano: string | null) => (nano === null ? null : formatUsd(BigInt(nano)));
  return {
    id: row.id,
    status: row.status,
    agent: agentNames.get(row.agent_id) ?? row.agent_id,
    agentId: row.agent_id,
    model: row.model,
    provider: row.provider,
    trigger: row.trigger,
    taskId: row.task_id,
    parentId: row.parent_id,
    externalId: row.external_id,
    tags: row.tags ?? {},
    metadata: row.metadata ?? {},
    estimate: row.estimate,
    requestedUsd: formatUsd(BigInt(row.requested_nano)),
    heldUsd: formatUsd(BigInt(row.held_nano)),
    costUsd: usd(row.cost_nano),
    overageUsd: formatUsd(BigInt(row.overage_nano)),
    reportedCostUsd: usd(row.reported_nano),
    usage: {
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      cacheReadTokens: Number(row.cache_read_tokens),
      cacheWriteTokens: Number(row.cache_write_tokens),
      reasoningTokens: Number(row.reasoning_tokens),
    },
    budgetIds: row.budget_ids,
    price: { held: row.price_held, settled: row.price_settled },
    holdExpiresAt: row.hold_expires_at?.toISOString() ?? null,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    durationMs: row.duration_ms === null ? null : Number(row.duration_ms),
    error: row.error,
    summary: row.summary,
    late: row.late,
    denial: row.denial,
  };
}

export function remainingView({ budget, heldNano }: AdmissionLeg): BudgetRemainingView {
  const remaining = budget.limitNano - budget.spentNano - heldNano;
  return { id: budget.id, name: budget.name, remainingUsd: formatUsd(remaining) };
}

/** A budget's figures at the moment of a denial. */
export function denialLegView(
  { budget, heldNano }: AdmissionLeg,
  agentNames: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const { terms, limitNano: limit, spentNano: spent } = budget;
  if (terms === null) throw new Error('A denial says nothing of its budgets');
  return {
    id: budget.id,
    name: budget.name,
    level: terms.workspaceId === null ? 'organization' : 'workspace',
    scope: scopeView(terms, agentNames),
    mode: terms.mode,
    limitUsd: formatUsd(limit),
    spentUsd: formatUsd(spent),
    heldUsd: formatUsd(heldNano),
    availableUsd: formatUsd(limit - spent - heldNano),
    resetsAt: terms.windowEnd,
  };
}

type Scoped = Pick<BudgetTerms, 'agentId' | 'model' | 'provider' | 'trigger'> & {
  tags: Record<string, string> | null;
};

/** What a budget covers; fields that are not set are left out. */
export function scopeView(budget: Scoped, agentNames: ReadonlyMap<string, string>): Record<string, unknown> {
  return {
    ...(budget.agentId === null ? {} : { agent: agentNames.get(budget.agentId) ?? budget.agentId }),
    ...(budget.model === null ? {} : { model: budget.model }),
    ...(budget.provider === null ? {} : { provider: budget.provider }),
    ...(budget.trigger === null ? {} : { trigger: budget.trigger }),
    ...(budget.tags === null ? {} : { tag: budget.tags }),
  };
}
