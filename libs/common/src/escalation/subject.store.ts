import type { ApprovalRow } from '../approvals/approval.row.js';
import type { Tx } from '../db/database.js';
import type { TaskRow } from '../tasks/task.row.js';

export interface AgentFacts {
  id: string;
  name: string;
  role: string;
  level: string;
  capabilities: { name: string }[];
  provider: string | null;
  enabled: boolean;
  state: string | null;
  health: string | null;
  seen_at: Date | null;
}

export interface TaskFacts {
  task: TaskRow;
  failures: number;
  last_failed_at: Date | null;
  /** How its last attempt ended; null while it runs. */
  last_kind: string | null;
  assignee_name: string | null;
  agent: AgentFacts | null;
}

export interface ApprovalFacts {
  approval: ApprovalRow;
  /** That asked. */
  agent: AgentFacts | null;
}

export interface BudgetFacts {
  id: string;
  name: string;
  agent_id: string | null;
  agent_name: string | null;
  consumed_percent: number;
  now: Date;
}

type AgentColumns = { agent_id: string | null; agent_name: string; agent_role: string; agent_level: string } & {
  agent_capabilities: { name: string }[];
  agent_provider: string | null;
  agent_enabled: boolean;
  agent_state: string | null;
  agent_health: string | null;
  agent_seen_at: Date | null;
};

type Counted = {
  failures: number;
  last_failed_at: Date | null;
  last_kind: string | null;
  assignee_name: string | null;
};
/** Tasks of one workspace with what rules ask about them. Ids that do not exist are left out. */
export async function taskFacts(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Map<string, TaskFacts>> {
  const tasks = await tx.query<TaskRow>('select * from tasks where workspace_id = $1 and id = any($2::uuid[])', [
    workspaceId,
    ids,
  ]);
  const rows = await tx.query<{ task_id: string } & Counted & AgentColumns>(
    'select * from watched_tasks($1, $2::uuid[])',
    [workspaceId, ids],
  );
  const byId = new Map(rows.map((row) => [row.task_id, row]));
  return new Map(
    tasks.flatMap((task) => {
      const row = byId.get(task.id);
      return row ? [[task.id, { ...counted(row), task, agent: agentOf(row) }] as const] : [];
    }),
  );
}

function counted({ failures, last_failed_at, last_kind, assignee_name }: Counted): Counted {
  return { failures, last_failed_at, last_kind, assignee_name };
}

/** @param ids null: every agent at work beyond `after`, at most `limit` of them, in order of their ids */
export async function agentFacts(
  tx: Tx,
  ids: readonly string[] | null,
  after: string | null = null,
  limit = 1_000,
): Promise<Map<string, AgentFacts>> {
  const rows = await tx.query<AgentColumns>('select * from watched_agents($1, $2::uuid[], $3, $4)', [
    tx.organizationId,
    ids,
    after,
    limit,
  ]);
  return new Map(rows.flatMap((row) => [agentOf(row)].flatMap((agent) => (agent ? [[agent.id, agent] as const] : []))));
}

/** Budgets that bind the workspace. @param ids null: all of them */
export async function budgetFacts(
  tx: Tx,
  workspaceId: string,
  ids: readonly string[] | null,
): Promise<Map<string, BudgetFacts>> {
  const rows = await tx.query<BudgetFacts>('select * from watched_budgets($1, $2, $3::uuid[])', [
    tx.organizationId,
    workspaceId,
    ids,
  ]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Approvals of one workspace that are about no task. Ids that do not exist are left out. */
export async function approvalFacts(
  tx: Tx,
  workspaceId: string,
  ids: readonly string[],
): Promise<Map<string, ApprovalFacts>> {
  const rows = await tx.query<ApprovalRow>(
    'select * from approvals where workspace_id = $1 and id = any($2::uuid[]) and task_id is null',
    [workspaceId, ids],
  );
  const agentIds = rows.flatMap((row) => row.requester_agent_id ?? []);
  const agents = agentIds.length === 0 ? new Map<string, AgentFacts>() : await agentFacts(tx, agentIds);
  return new Map(
    rows.map((approval) => {
      const agent = agents.get(approval.requester_agent_id ?? '') ?? null;
      return [approval.id, { approval, agent }] as const;
    }),
  );
}

/** The approval that a task waits for. */
export async function approvalOfTask(tx: Tx, task: TaskRow): Promise<ApprovalRow | null> {
  const [row] = await tx.query<ApprovalRow>(
    `select * from approvals where workspace_id = $1 and id = $2 and status = 'pending'`,
    [task.workspace_id, task.approval_id],
  );
  return row ?? null;
}

/** Locks approvals, after the tasks: in the order of whoever decides. */
export async function lockApprovals(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<void> {
  await tx.query(
    `select id from approvals where workspace_id = $1 and id = any($2::uuid[]) and task_id is null order by id
        for update`,
    [workspaceId, ids],
  );
}

/** The workspace's pending approvals that are about no task, after this one, in order of their ids. */
export async function approvalIdsAfter(
  tx: Tx,
  workspaceId: string,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select id from approvals
      where workspace_id = $1 and status = 'pending' and task_id is null and ($2::uuid is null or id > $2)
      order by id limit $3`,
    [workspaceId, after, limit],
  );
  return rows.map((row) => row.id);
}

/** Locks tasks in the order in which everybody locks them. */
export async function lockTasks(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<void> {
  await tx.query(
    'select id from tasks where workspace_id = $1 and id = any($2::uuid[]) order by id for no key update',
    [workspaceId, ids],
  );
}

/** The workspace's tasks after this one that a rule could be about, in order of their ids. */
export async function taskIdsAfter(
  tx: Tx,
  workspaceId: string,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select id from tasks
      where workspace_id = $1 and ($2::uuid is null or id > $2) and status not in ('done', 'cancelled')
      order by id limit $3`,
    [workspaceId, after, limit],
  );
  return rows.map((row) => row.id);
}

function agentOf(row: AgentColumns): AgentFacts | null {
  if (row.agent_id === null) return null;
  return {
    id: row.agent_id,
    name: row.agent_name,
    role: row.agent_role,
    level: row.agent_level,
    capabilities: row.agent_capabilities,
    provider: row.agent_provider,
    enabled: row.agent_enabled,
    state: row.agent_state,
    health: row.agent_health,
    seen_at: row.agent_seen_at,
  };
}
