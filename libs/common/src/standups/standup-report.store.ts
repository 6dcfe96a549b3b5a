import type { Tx } from '../db/database.js';

/** Rows that a section lists, at the most. */
export const LISTED = 50;
const BUDGETS_LISTED = 20;

export interface ReportedTask {
  id: string;
  title: string;
  agent: string | null;
  since: Date;
  reason: string | null;
  /** How many there are. */
  total: number;
}

export interface ReportedApproval {
  id: string;
  task_id: string | null;
  title: string;
  status: string;
  comment: string | null;
  agent: string | null;
  by: string;
  at: Date;
  total: number;
}

export interface ReportedBudget {
  id: string;
  name: string;
  period: string;
  limit_nano: string;
  spent_nano: string;
  held_nano: string;
}

type Which = 'completed' | 'inProgress' | 'blocked' | 'review' | 'failed';

const ENDED = (status: string) => `t.status = '${status}' and t.ended_at >= $2 and t.ended_at < $3`;
/** $2 and $3 are the span; where it does not matter they are mentioned all the same, because they are always sent. */
const NOW = (statuses: string) => `t.status in (${statuses}) and $2::timestamptz < $3::timestamptz`;

const TASKS: Record<Which, { where: string; since: string; reason: string; order: string }> = {
  completed: { where: ENDED('done'), since: 't.ended_at', reason: 'null', order: 'desc' },
  inProgress: { where: NOW("'assigned', 'in_progress'"), since: 't.status_since', reason: 'null', order: 'asc' },
  blocked: { where: NOW("'blocked'"), since: 't.status_since', reason: 't.blocker_reason', order: 'asc' },
  review: { where: NOW("'review'"), since: 't.status_since', reason: 't.completion_message', order: 'asc' },
  failed: { where: ENDED('failed'), since: 't.ended_at', reason: 't.last_error', order: 'desc' },
};

/** By the database's clock. */
export async function reportedNow(tx: Tx): Promise<Date> {
  const [clock] = await tx.query<{ now: Date }>('select now() as now');
  if (!clock) throw new Error('The database did not tell the time');
  return clock.now;
}

/** The tasks of one kind, the first of them with whoever had them last. */
export function reportedTasks(tx: Tx, workspaceId: string, which: Which, from: Date, to: Date) {
  const { where, since, reason, order } = TASKS[which];
  return tx.query<ReportedTask>(
    `select t.id, t.title, t.since, left(t.reason, 500) as reason, t.total, a.name as agent
       from (select t.id, t.title, t.lease_agent_id, ${since} as since, ${reason} as reason, (count(*) over ())::int as total
               from tasks t where t.workspace_id = $1 and ${where}
              order by ${since} ${order}, t.id limit ${LISTED}) t
       left join lateral (select p.agent_id from task_attempts p
                           where p.workspace_id = $1 and p.task_id = t.id order by p.fence desc limit 1) p on true
       left join agents a on a.id = coalesce(t.lease_agent_id, p.agent_id)
      order by t.since ${order}, t.id`,
    [workspaceId, from.toISOString(), to.toISOString()],
  );
}

/**
 * The ids to look names up by are made within one page: behind a wall a join uses its index only where nothing but ids are
 * compared.
 */
function approvals(where: string, at: string, order: string): string {
  return `select v.id, v.task_id, v.title, v.status, v.answer as comment, g.name as agent, v.at, v.total,
                 coalesce(m.name, r.name, k.name, v.resolved_by, v.requested_by) as by
            from (select v.id, v.workspace_id, v.task_id, v.status, v.requester_agent_id, v.resolver_agent_id, v.resolver_member_id,
                         v.resolved_by, v.requested_by, left(v.description, 500) as title, left(coalesce(v.comment, v.option), 500) as answer,
                         ${at} as at, key_of_actor(v.resolved_by) as by_key, (count(*) over ())::int as total
                    from approvals v where v.workspace_id = $1 and ${where} order by ${at} ${order}, v.id limit ${LISTED}) v
            left join agents g on g.id = v.requester_agent_id
            left join agents r on r.id = v.resolver_agent_id
            left join members m on m.workspace_id = v.workspace_id and m.id = v.resolver_member_id
            left join api_keys k on k.id = v.by_key
           order by v.at ${order}, v.id`;
}

/** What the policy let pass by itself is no decision of anybody. */
export function reportedDecisions(tx: Tx, workspaceId: string, from: Date, to: Date) {
  const decided = `v.resolved_at >= $2 and v.resolved_at < $3 and v.resolved_by <> 'policy' and v.status <> 'cancelled'`;
  const statement = approvals(decided, 'v.resolved_at', 'desc');
  return tx.query<ReportedApproval>(statement, [workspaceId, from.toISOString(), to.toISOString()]);
}

export function reportedWaiting(tx: Tx, workspaceId: string) {
  return tx.query<ReportedApproval>(approvals("v.status = 'pending'", 'v.created_at', 'asc'), [workspaceId]);
}

/** What was spent on runs that began within the span, by agent, the dearest first. */
export function reportedCosts(tx: Tx, workspaceId: string, from: Date, to: Date) {
  return tx.query<{ agent: string; executions: number; cost_nano: string }>(
    `select a.name as agent, c.executions, c.cost_nano
       from (select agent_id, count(*)::int as executions, sum(coalesce(cost_nano, 0))::text as cost_nano
               from executions
              where workspace_id = $1 and started_at >= $2 and started_at < $3 and status not in ('admitted', 'denied')
              group by agent_id) c
       join agents a on a.id = c.agent_id order by c.cost_nano::numeric desc, a.name`,
    [workspaceId, from.toISOString(), to.toISOString()],
  );
}

/** Budgets of the workspace and of its organization, the fullest first. */
export function reportedBudgets(tx: Tx, workspaceId: string) {
  return tx.query<ReportedBudget>(
    `select b.id, b.name, b.period, b.limit_nano::text as limit_nano, coalesce(c.spent_nano, 0)::text as spent_nano,
            coalesce(c.held_nano, 0)::text as held_nano
       from budgets b
      cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) w
       left join budget_windows c on c.budget_id = b.id and c.window_start = w.window_start
      where b.organization_id = $2 and (b.workspace_id = $1 or b.workspace_id is null) and b.deleted_at is null
      order by coalesce(c.spent_nano, 0)::numeric / nullif(b.limit_nano, 0) desc nulls first, b.name limit ${BUDGETS_LISTED}`,
    [workspaceId, tx.organizationId],
  );
}
