import { ApiProperty } from '@nestjs/swagger';
import { formatUsd } from '@houston/common/domain/money.js';
import { retryPolicy, type RetryPolicy } from '@houston/common/domain/retry-policy.js';
import { TASK_STATUSES, type TaskStatus } from '@houston/common/domain/task-states.js';
import { TASK_PRIORITIES, type TaskPriority, type TaskRow } from '@houston/common/tasks/task.row.js';

export type TaskWithEdges = TaskRow & { depends_on: string[] };

export class TaskLeaseView {
  @ApiProperty({ example: 'researcher' })
  agent: string;
  @ApiProperty({ format: 'uuid' })
  agentId: string;
  @ApiProperty({ example: 1 })
  fence: number;
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;
}

export class TaskView {
  @ApiProperty({ format: 'uuid' })
  id: string;
  @ApiProperty({ example: 'Summarise the quarterly report' })
  title: string;
  @ApiProperty()
  description: string;
  @ApiProperty({ enum: TASK_STATUSES })
  status: TaskStatus;
  @ApiProperty({ format: 'date-time' })
  statusSince: string;
  @ApiProperty({ enum: TASK_PRIORITIES })
  priority: TaskPriority;
  @ApiProperty({ example: [{ name: 'research', minLevel: 1 }], type: [Object] })
  requiredCapabilities: { name: string; minLevel: number }[];
  @ApiProperty({ type: String, nullable: true, description: "The agent's name" })
  assignee: string | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  assigneeId: string | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  parentId: string | null;
  @ApiProperty({ type: [String], format: 'uuid' })
  dependsOn: string[];
  @ApiProperty({ type: Object, nullable: true })
  payload: unknown;
  @ApiProperty({ type: Object, nullable: true })
  outputSchema: unknown;
  @ApiProperty({ type: [String] })
  tags: string[];
  @ApiProperty({ type: Object })
  retryPolicy: RetryPolicy;
  @ApiProperty({ type: Number, nullable: true })
  executionTimeoutSeconds: number | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  dueAt: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When it was found past its time' })
  breachedAt: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expiresAt: string | null;
  @ApiProperty({ type: String, nullable: true })
  slaTier: string | null;
  @ApiProperty({ type: Number, nullable: true })
  sloSeconds: number | null;
  @ApiProperty({ type: String, nullable: true, example: '0.25' })
  budgetUsd: string | null;
  @ApiProperty({ type: Number, nullable: true })
  tokenBudget: number | null;
  @ApiProperty({ example: 0 })
  tokensUsed: number;
  @ApiProperty({ description: 'It used more tokens than it was meant to' })
  flaggedForReview: boolean;
  @ApiProperty({ example: 1, description: 'Attempts begun and counted' })
  attempts: number;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  nextRetryAt: string | null;
  @ApiProperty({ type: TaskLeaseView, nullable: true })
  lease: TaskLeaseView | null;
  @ApiProperty({ type: Object, nullable: true, description: 'The last checkpoint' })
  progress: unknown;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  executionId: string | null;
  @ApiProperty({ type: String, nullable: true })
  blockerReason: string | null;
  @ApiProperty({ type: String, nullable: true })
  message: string | null;
  @ApiProperty({ type: String, nullable: true })
  evidenceRef: string | null;
  @ApiProperty({ type: Object, nullable: true })
  evidence: unknown;
  @ApiProperty({ type: Object, nullable: true })
  result: unknown;
  @ApiProperty({ type: String, nullable: true })
  outcome: string | null;
  @ApiProperty({ type: String, nullable: true })
  lastError: string | null;
  @ApiProperty({ example: 1 })
  version: number;
  @ApiProperty({ format: 'date-time' })
  createdAt: string;
  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  endedAt: string | null;
}

export class LeaseView {
  @ApiProperty({ format: 'uuid' })
  id: string;
  @ApiProperty({ example: 1 })
  fence: number;
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;
}

export class ClaimedView {
  @ApiProperty({ type: TaskView })
  task: TaskView;
  @ApiProperty({ type: LeaseView })
  lease: LeaseView;
}

export class HeartbeatView {
  @ApiProperty({ description: 'false: stop now, the budget refuses more' })
  continue: boolean;
  @ApiProperty({ type: LeaseView })
  lease: LeaseView;
  @ApiProperty({ required: false, example: 'budget_exceeded' })
  reason?: string;
}

/** Ids of agents that a view names. */
export function agentIdsOf(rows: readonly TaskRow[]): string[] {
  return rows.flatMap((row) => [row.assignee_id, row.lease_agent_id]).filter((id) => id !== null);
}

export function taskView(row: TaskWithEdges, names: ReadonlyMap<string, string>): TaskView {
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    status: row.status,
    statusSince: row.status_since.toISOString(),
    priority: row.priority,
    requiredCapabilities: row.required_capabilities,
    assignee: row.assignee_id === null ? null : (names.get(row.assignee_id) ?? null),
    assigneeId: row.assignee_id,
    parentId: row.parent_id,
    dependsOn: row.depends_on,
    payload: row.payload,
    outputSchema: row.output_schema,
    tags: row.tags,
    retryPolicy: retryPolicy(row.retry_policy),
    executionTimeoutSeconds: row.execution_timeout_seconds,
    dueAt: iso(row.due_at),
    breachedAt: iso(row.breached_at),
    expiresAt: iso(row.expires_at),
    slaTier: row.sla_tier,
    sloSeconds: row.slo_seconds,
    budgetUsd: row.budget_nano === null ? null : formatUsd(BigInt(row.budget_nano)),
    tokenBudget: row.token_budget === null ? null : Number(row.token_budget),
    tokensUsed: Number(row.tokens_used),
    flaggedForReview: row.over_token_budget_at !== null,
    attempts: row.attempts,
    nextRetryAt: iso(row.next_retry_at),
    lease: holderView(row, names),
    progress: row.progress,
    executionId: row.execution_id,
    blockerReason: row.blocker_reason,
    message: row.completion_message,
    evidenceRef: row.evidence_ref,
    evidence: row.evidence,
    result: row.result,
    outcome: row.outcome,
    lastError: row.last_error,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    startedAt: iso(row.started_at),
    endedAt: iso(row.ended_at),
  };
}

/** The lease as its holder presents it. @throws when nobody holds the task */
export function leaseView(row: TaskRow): LeaseView {
  if (row.lease_id === null || row.lease_expires_at === null) throw new Error(`Task ${row.id} is not on lease`);
  return { id: row.lease_id, fence: Number(row.lease_fence), expiresAt: row.lease_expires_at.toISOString() };
}

/** The lease as others see it: without its id, which is its holder's. */
function holderView(row: TaskRow, names: ReadonlyMap<string, string>): TaskLeaseView | null {
  if (row.lease_agent_id === null || row.lease_expires_at === null) return null;
  return {
    agent: names.get(row.lease_agent_id) ?? row.lease_agent_id,
    agentId: row.lease_agent_id,
    fence: Number(row.lease_fence),
    expiresAt: row.lease_expires_at.toISOString(),
  };
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}
