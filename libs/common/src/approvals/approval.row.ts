import type { Assignee } from '../domain/approval-deciders.js';
import type { ApprovalPolicy, Risk } from '../domain/approval-policy.js';
import type { ApprovalStatus, Decision, OnTimeout } from '../domain/approval-states.js';

export const APPROVAL_CHANNELS = ['webhook', 'slack', 'email', 'inbox', 'agent'] as const;

export type ApprovalChannel = (typeof APPROVAL_CHANNELS)[number];

/** `raise`: a yes raises a budget for a time. `unfreeze`: a yes thaws one. */
export type ApprovalKind = 'action' | 'raise' | 'unfreeze';

/** An approval as Postgres returns it. */
export interface ApprovalRow {
  organization_id: string;
  workspace_id: string;
  id: string;
  kind: ApprovalKind;
  status: ApprovalStatus;
  policy: ApprovalPolicy;
  policy_reasons: string[];
  task_id: string | null;
  execution_id: string | null;
  budget_id: string | null;
  action: string;
  description: string;
  confidence: number | null;
  risk: Risk;
  is_external: boolean;
  options: string[];
  recommended: string | null;
  context: unknown;
  payload: unknown;
  payload_digest: string;
  estimated_nano: string | null;
  assignees: Assignee[];
  channels: ApprovalChannel[] | null;
  on_timeout: OnTimeout;
  deadline: Date | null;
  escalated_at: Date | null;
  reminders: number;
  due_at: Date | null;
  requested_by: string;
  /** Null with all of the requester: the house itself asked. */
  requester_key_id: string | null;
  requester_agent_id: string | null;
  requester_member_id: string | null;
  decision: Decision | null;
  option: string | null;
  comment: string | null;
  edits: unknown;
  response: unknown;
  approved_digest: string | null;
  resolved_by: string | null;
  resolver_agent_id: string | null;
  resolver_member_id: string | null;
  resolved_at: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
}
