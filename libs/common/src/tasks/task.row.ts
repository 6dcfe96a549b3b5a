import type { RetryPolicy } from '../domain/retry-policy.js';
import type { TaskStatus } from '../domain/task-states.js';

export const TASK_PRIORITIES = ['urgent', 'high', 'normal', 'low'] as const;

export type TaskPriority = (typeof TASK_PRIORITIES)[number];

export interface RequiredCapability {
  name: string;
  /** 1 to 5. */
  minLevel: number;
}

/** A row of `tasks`, as the driver reads it: bigints are decimal digits. */
export interface TaskRow {
  organization_id: string;
  workspace_id: string;
  id: string;
  title: string;
  description: string;
  status: TaskStatus;
  status_since: Date;
  priority: TaskPriority;
  required_capabilities: RequiredCapability[];
  assignee_id: string | null;
  parent_id: string | null;
  payload: unknown;
  output_schema: Record<string, unknown> | null;
  tags: string[];
  retry_policy: Partial<RetryPolicy>;
  execution_timeout_seconds: number | null;
  due_at: Date | null;
  sla_tier: string | null;
  slo_seconds: number | null;
  expires_at: Date | null;
  budget_nano: string | null;
  token_budget: string | null;
  tokens_used: string;
  over_token_budget_at: Date | null;
  open_dependencies: number;
  approval_id: string | null;
  next_retry_at: Date | null;
  retry_reason: 'backoff' | 'quota' | 'budget' | 'replay' | null;
  attempts: number;
  lease_id: string | null;
  lease_fence: string;
  lease_agent_id: string | null;
  lease_expires_at: Date | null;
  leased_at: Date | null;
  ack_by: Date | null;
  acked_at: Date | null;
  last_progress_at: Date | null;
  stalled_at: Date | null;
  timeout_at: Date | null;
  progress: unknown;
  execution_id: string | null;
  blocker_reason: string | null;
  completion_message: string | null;
  evidence_ref: string | null;
  evidence: unknown;
  result: unknown;
  outcome: string | null;
  last_error: string | null;
  breach_at: Date | null;
  breached_at: Date | null;
  /** When its service level is missed; null: it has none, or that is told, or it is over. */
  slo_breach_at: Date | null;
  slo_breached_at: Date | null;
  /** Since when it waits for an approval. */
  approval_since: Date | null;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}
