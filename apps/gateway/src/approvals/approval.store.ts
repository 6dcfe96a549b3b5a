import { Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import type { NewApproval } from '@houston/common/approvals/new-approval.store.js';
import type { Tx } from '@houston/common/db/database.js';
import type { Assignee } from '@houston/common/domain/approval-deciders.js';
import type { ApprovalStatus } from '@houston/common/domain/approval-states.js';

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
      'select ended_at from tasks where workspace_id = $1 and id = $2 for no key update',
      [workspaceId, id],
    );
    return row ?? null;
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
