import type { Tx } from '../db/database.js';
import type { Assignee } from '../domain/approval-deciders.js';
import type { ApprovalStatus, Decision } from '../domain/approval-states.js';
import type { ApprovalRow } from './approval.row.js';

/** Nobody is reminded more often than this. */
const REMIND_EVERY = `interval '24 hours'`;

/** As its transaction found it, with a lock. `is_late`: its deadline has passed, and nobody has acted on that yet. */
export type LockedApproval = ApprovalRow & { is_late: boolean };

/** How a pending approval ends. */
export interface Resolution {
  status: Exclude<ApprovalStatus, 'pending'>;
  decision?: Decision;
  option?: string;
  comment?: string;
  edits?: unknown;
  response?: unknown;
  /** Of what was approved; for a yes only. */
  approvedDigest?: string;
  /** An actor, or `timeout`. */
  by: string;
  agentId?: string | null;
  memberId?: string | null;
}

/**
 * Locks an approval, in the order that everybody keeps: the organization's money where a budget is concerned, the task, the
 * approval itself.
 */
export async function lockApproval(tx: Tx, workspaceId: string, id: string): Promise<LockedApproval | null> {
  const key = [workspaceId, id];
  const [plain] = await tx.query<Pick<ApprovalRow, 'kind' | 'task_id'>>(
    'select kind, task_id from approvals where workspace_id = $1 and id = $2',
    key,
  );
  if (!plain) return null;
  if (plain.kind !== 'action') await tx.query('select lock_money_exclusively($1)', [tx.organizationId]);
  if (plain.task_id !== null) {
    await tx.query('select 1 from tasks where workspace_id = $1 and id = $2 for no key update', [
      workspaceId,
      plain.task_id,
    ]);
  }
  const [row] = await tx.query<LockedApproval>(
    `select *, coalesce(status = 'pending' and escalated_at is null and deadline <= clock_timestamp(), false) as is_late
       from approvals where workspace_id = $1 and id = $2 for update`,
    key,
  );
  return row ?? null;
}

/** Locks the pending approvals that name this member. */
export function lockAskedOf(tx: Tx, workspaceId: string, memberId: string): Promise<ApprovalRow[]> {
  return tx.query(
    `select * from approvals
      where workspace_id = $1 and status = 'pending' and assignees @> jsonb_build_array(jsonb_build_object('member', $2::text))
      order by id for update`,
    [workspaceId, memberId],
  );
}

/** Writes how a pending approval that this transaction has locked ended, and lets its task go on. */
export async function writeResolution(tx: Tx, row: ApprovalRow, resolution: Resolution): Promise<ApprovalRow> {
  const { status, decision, option, comment, edits, response, approvedDigest, by } = resolution;
  const [resolved] = await tx.query<ApprovalRow>(
    `update approvals
        set status = $3, decision = $4, option = $5, comment = $6, edits = $7, response = $8, approved_digest = $9, resolved_by = $10,
            resolver_agent_id = $11, resolver_member_id = $12, resolved_at = now(), due_at = null, version = version + 1, updated_at = now()
      where workspace_id = $1 and id = $2 returning *`,
    [
      ...[row.workspace_id, row.id, status, decision ?? null, option ?? null, comment ?? null],
      ...[jsonOrNull(edits), jsonOrNull(response), approvedDigest ?? null, by],
      ...[resolution.agentId ?? null, resolution.memberId ?? null],
    ],
  );
  if (!resolved) throw new Error(`Approval ${row.id} went away under its lock`);
  if (row.task_id !== null) {
    await tx.query(
      'update tasks set approval_id = null, updated_at = now() where workspace_id = $1 and id = $2 and approval_id = $3',
      [row.workspace_id, row.task_id, row.id],
    );
  }
  return resolved;
}

/** Others decide from now on, of an approval that this transaction has locked. */
export async function writeAssignees(tx: Tx, row: ApprovalRow, assignees: readonly Assignee[]): Promise<ApprovalRow> {
  return one(
    await tx.query<ApprovalRow>(
      `update approvals set assignees = $3, version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2 returning *`,
      [row.workspace_id, row.id, JSON.stringify(assignees)],
    ),
  );
}

/** It has no deadline any more, and goes to these. */
export async function writeEscalation(tx: Tx, row: ApprovalRow, assignees: readonly Assignee[]): Promise<ApprovalRow> {
  return one(
    await tx.query<ApprovalRow>(
      `update approvals set assignees = $3, escalated_at = now(), due_at = now() + ${REMIND_EVERY}, version = version + 1,
              updated_at = now()
        where workspace_id = $1 and id = $2 returning *`,
      [row.workspace_id, row.id, JSON.stringify(assignees)],
    ),
  );
}

/** It was told again that it waits. */
export async function writeReminder(tx: Tx, row: ApprovalRow): Promise<ApprovalRow> {
  return one(
    await tx.query<ApprovalRow>(
      `update approvals set reminders = reminders + 1,
              due_at = least(case when escalated_at is null then deadline end, now() + ${REMIND_EVERY})
        where workspace_id = $1 and id = $2 returning *`,
      [row.workspace_id, row.id],
    ),
  );
}

function one(rows: ApprovalRow[]): ApprovalRow {
  const [row] = rows;
  if (!row) throw new Error('An approval went away under its lock');
  return row;
}

/** A JSON null is a value; undefined is none. */
function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/**
 * The task that a run is for. What an agent calls its task may be a name that the board does not know.
 *
 * @returns null where it is for none of the workspace's tasks
 */
export async function taskOfRun(tx: Tx, workspaceId: string, executionId: string): Promise<string | null> {
  const [row] = await tx.query<{ id: string }>(
    `select t.id
       from (select uuid_or_null(task_id) as task_id from executions where workspace_id = $1 and id = $2 limit 1) x
       join tasks t on t.workspace_id = $1 and t.id = x.task_id`,
    [workspaceId, executionId],
  );
  return row?.id ?? null;
}
