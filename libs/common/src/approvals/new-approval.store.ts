import type { Tx } from '../db/database.js';
import type { Assignee, Party } from '../domain/approval-deciders.js';
import type { ApprovalPolicy, Risk } from '../domain/approval-policy.js';
import type { OnTimeout } from '../domain/approval-states.js';
import type { ApprovalChannel, ApprovalKind, ApprovalRow } from './approval.row.js';

/** Who was asked is reminded after this. */
const REMIND_AFTER = `interval '24 hours'`;

export interface NewApproval {
  id: string;
  kind: ApprovalKind;
  policy: ApprovalPolicy;
  reasons: readonly string[];
  taskId: string | null;
  executionId: string | null;
  budgetId: string | null;
  action: string;
  description: string;
  confidence: number | null;
  risk: Risk;
  isExternal: boolean;
  options: readonly string[];
  recommended: string | null;
  context: unknown;
  payload: unknown;
  payloadDigest: string;
  estimatedNano: bigint | null;
  assignees: readonly Assignee[];
  channels: readonly ApprovalChannel[] | null;
  onTimeout: OnTimeout;
  /** ISO 8601. */
  deadline: string | null;
  requestedBy: string;
  /** All null: the house itself. */
  requester: Party;
}

/** One that is approved by the policy is resolved from the start. @returns null when the id, or its place, is taken */
export async function insertApproval(tx: Tx, workspaceId: string, approval: NewApproval): Promise<ApprovalRow | null> {
  const [row] = await tx.query<ApprovalRow>(
    `insert into approvals (
       organization_id, workspace_id, id, kind, status, policy, policy_reasons, task_id, execution_id, budget_id, action, description,
       confidence, risk, is_external, options, recommended, context, payload, payload_digest, estimated_nano, assignees, channels,
       on_timeout, deadline, due_at, requested_by, requester_key_id, requester_agent_id, requester_member_id,
       approved_digest, resolved_by, resolved_at)
     select $1, $2, $3, $4, case when o.is_open then 'pending' else 'approved' end, $5, $6, $7, $8, $9, $10, $11,
            $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, case when o.is_open then least($24::timestamptz, now() + ${REMIND_AFTER}) end, $25, $26, $27, $28,
            case when not o.is_open then $19 end, case when not o.is_open then 'policy' end, case when not o.is_open then now() end
       from (select $5 <> 'auto_approved' as is_open) o
     on conflict do nothing returning *`,
    [tx.organizationId, workspaceId, ...columnsOf(approval)],
  );
  if (row?.status === 'pending' && row.task_id !== null) await letTaskWait(tx, row.workspace_id, row.task_id, row.id);
  return row ?? null;
}

/** Nobody takes the task out of the inbox until then. */
async function letTaskWait(tx: Tx, workspaceId: string, taskId: string, approvalId: string): Promise<void> {
  await tx.query('update tasks set approval_id = $3, updated_at = now() where workspace_id = $1 and id = $2', [
    workspaceId,
    taskId,
    approvalId,
  ]);
}

function columnsOf(approval: NewApproval): unknown[] {
  const { requester } = approval;
  return [
    ...[approval.id, approval.kind, approval.policy, approval.reasons],
    ...[approval.taskId, approval.executionId, approval.budgetId, approval.action, approval.description],
    ...[approval.confidence, approval.risk, approval.isExternal, approval.options, approval.recommended],
    ...[JSON.stringify(approval.context ?? null), JSON.stringify(approval.payload ?? null), approval.payloadDigest],
    ...[approval.estimatedNano?.toString() ?? null, JSON.stringify(approval.assignees), approval.channels],
    ...[approval.onTimeout, approval.deadline, approval.requestedBy],
    ...[requester.keyId, requester.agentId, requester.memberId],
  ];
}
