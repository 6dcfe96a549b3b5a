import { Injectable } from '@nestjs/common';
import type { ApprovalChannel, ApprovalKind, ApprovalRow } from '@houston/common/approvals/approval.row.js';
import type { Tx } from '@houston/common/db/database.js';
import type { Assignee, Party } from '@houston/common/domain/approval-deciders.js';
import type { ApprovalPolicy, Risk } from '@houston/common/domain/approval-policy.js';
import type { ApprovalStatus, OnTimeout } from '@houston/common/domain/approval-states.js';

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
  requester: Party;
}

export interface ApprovalFilter {
  status?: ApprovalStatus;
  taskId?: string;
  /** Those that ask any of these. */
  assignees?: readonly Assignee[];
  /** Creation (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

export type ListedApproval = ApprovalRow & { sort_key: string };

/** Rows of approvals. What a decision writes stands in libs/common/src/approvals, because the clock decides there too. */
@Injectable()
export class ApprovalStore {
  async find(tx: Tx, workspaceId: string, id: string): Promise<ApprovalRow | null> {
    const [row] = await tx.query<ApprovalRow>('select * from approvals where workspace_id = $1 and id = $2', [
      workspaceId,
      id,
    ]);
    return row ?? null;
  }

  /** Newest first. */
  list(tx: Tx, workspaceId: string, filter: ApprovalFilter): Promise<ListedApproval[]> {
    const [afterCreation, afterId] = filter.after ?? [null, null];
    return tx.query(
      `select *, (extract(epoch from created_at) * 1000000)::bigint::text as sort_key from approvals
        where workspace_id = $1 and ($2::text is null or status = $2) and ($3::uuid is null or task_id = $3)
          and ($4::jsonb[] is null or assignees @> any($4))
          and ($5::bigint is null or (created_at, id) < (timestamptz 'epoch' + $5 * interval '1 microsecond', $6::uuid))
        order by created_at desc, id desc limit $7`,
      [
        ...[workspaceId, filter.status ?? null, filter.taskId ?? null],
        filter.assignees?.map((assignee) => JSON.stringify([assignee])) ?? null,
        ...[afterCreation, afterId, filter.limit + 1],
      ],
    );
  }

  /** One that is approved by the policy is resolved from the start. @returns null when the id, or its place, is taken */
  async insert(tx: Tx, workspaceId: string, approval: NewApproval): Promise<ApprovalRow | null> {
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
    return row ?? null;
  }

  /** The pending approval that stands where a new one would. */
  async pendingBeside(tx: Tx, workspaceId: string, approval: NewApproval): Promise<string | null> {
    const { kind, taskId, executionId, budgetId } = approval;
    const [row] = await tx.query<{ id: string }>(
      `select id from approvals
        where workspace_id = $1 and status = 'pending'
          and (task_id = $2 or (kind = 'raise' and $3 = 'raise' and execution_id = $4)
               or (kind = 'unfreeze' and $3 = 'unfreeze' and budget_id = $5)) limit 1`,
      [workspaceId, taskId, kind, executionId, budgetId],
    );
    return row?.id ?? null;
  }

  /** Locks the task that an approval is about; null when there is none. */
  async lockTask(tx: Tx, workspaceId: string, id: string): Promise<{ ended_at: Date | null } | null> {
    const [row] = await tx.query<{ ended_at: Date | null }>(
      'select ended_at from tasks where workspace_id = $1 and id = $2 for update',
      [workspaceId, id],
    );
    return row ?? null;
  }

  /** Nobody takes the task out of the inbox until then. */
  async letTaskWait(tx: Tx, workspaceId: string, taskId: string, approvalId: string): Promise<void> {
    await tx.query('update tasks set approval_id = $3, updated_at = now() where workspace_id = $1 and id = $2', [
      workspaceId,
      taskId,
      approvalId,
    ]);
  }

  async hasExecution(tx: Tx, workspaceId: string, id: string): Promise<boolean> {
    const rows = await tx.query('select 1 from executions where workspace_id = $1 and id = $2', [workspaceId, id]);
    return rows.length > 0;
  }

  /** Whether a time is over, by the database's clock. */
  async isPast(tx: Tx, time: string): Promise<boolean> {
    const [row] = await tx.query<{ past: boolean }>('select $1::timestamptz <= now() as past', [time]);
    return row?.past ?? false;
  }
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
