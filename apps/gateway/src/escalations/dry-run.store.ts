import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { TaskStatus } from '@houston/common/domain/task-states.js';

export interface PastMove {
  task_id: string;
  time: Date;
  /** Null on a task's creation. */
  from: TaskStatus | null;
  to: TaskStatus;
}

export interface PastAttempt {
  task_id: string;
  started_at: Date;
  ended_at: Date | null;
  error: string | null;
  failed: boolean;
}

/** What the ledger remembers of the days before, in the workspace of the transaction. */
@Injectable()
export class DryRunStore {
  /** Now, and so many days before. */
  async span(tx: Tx, days: number): Promise<{ from: Date; until: Date }> {
    const [row] = await tx.query<{ from: Date; until: Date }>(
      'select now() - make_interval(days => $1) as "from", now() as until',
      [days],
    );
    if (!row) throw new Error('The database tells no time');
    return row;
  }

  /** Tasks that were there at some time after `from`, the latest first. */
  async taskIds(tx: Tx, from: Date, limit: number): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `select id from tasks where workspace_id = $1 and (ended_at is null or ended_at >= $2)
        order by created_at desc, id desc limit $3`,
      [tx.workspaceId, from, limit],
    );
    return rows.map((row) => row.id);
  }

  /** How tasks went from status to status, in order of time. */
  moves(tx: Tx, from: Date, limit: number): Promise<PastMove[]> {
    return tx.query(
      `select substr(subject, 6) as task_id, time, data ->> 'from' as "from",
              case type when 'task.created' then 'inbox' when 'task.started' then 'in_progress'
                        else coalesce(data ->> 'to', data ->> 'status') end as "to"
         from events
        where workspace_id = $1 and time >= $2 and subject like 'task:%'
          and (type in ('task.created', 'task.started', 'task.assigned') or data ? 'to')
        order by seq desc limit $3`,
      [tx.workspaceId, from, limit],
    );
  }

  /** Attempts of these tasks, in the order in which they began. */
  attempts(tx: Tx, taskIds: readonly string[]): Promise<PastAttempt[]> {
    return tx.query(
      `select task_id, started_at, ended_at, error, is_failure(kind) as failed from task_attempts
        where workspace_id = $1 and task_id = any($2::uuid[]) order by task_id, fence`,
      [tx.workspaceId, taskIds],
    );
  }

  /** When agents were found to be silent, since when they had been, and until when. */
  silences(tx: Tx, from: Date, limit: number): Promise<{ agent_id: string; since: Date; until: Date | null }[]> {
    return tx.query(
      `select agent_id, coalesce(seen, time - agent_silence()) as since, until
         from (select (data ->> 'agentId')::uuid as agent_id, time, data ->> 'to' as state,
                      (data ->> 'lastSeenAt')::timestamptz as seen,
                      lead(time) over (partition by subject order by seq) as until
                 from events
                where organization_id = $1 and workspace_id is null and type = 'agent.state_changed' and time >= $2) s
        where state = 'offline' order by time desc limit $3`,
      [tx.organizationId, from, limit],
    );
  }

  /** Approvals about no task that waited at some time after `from`, the latest first, and until when they did. */
  approvals(tx: Tx, from: Date, limit: number): Promise<{ id: string; since: Date; until: Date | null }[]> {
    return tx.query(
      `select id, created_at as since, resolved_at as until from approvals
        where workspace_id = $1 and task_id is null and (resolved_at is null or resolved_at >= $2)
        order by created_at desc, id desc limit $3`,
      [tx.workspaceId, from, limit],
    );
  }

  /** Alerts of budgets at this percentage or above, the first of each window. */
  alerts(
    tx: Tx,
    from: Date,
    percent: number,
    limit: number,
  ): Promise<{ budget_id: string; agent_id: string | null; agent_name: string | null; at: Date }[]> {
    return tx.query(
      `select b.id as budget_id, b.agent_id, a.name as agent_name, min(x.fired_at) as at
         from budget_alerts x join budgets b on b.id = x.budget_id left join agents a on a.id = b.agent_id
        where b.organization_id = $1 and (b.workspace_id is null or b.workspace_id = $2) and b.deleted_at is null
          and x.fired_at >= $3 and x.kind in ('threshold', 'exhausted')
          and case x.kind when 'exhausted' then 100 else x.threshold end >= $4
        group by b.id, b.agent_id, a.name, x.window_start order by at desc limit $5`,
      [tx.organizationId, tx.workspaceId, from, percent, limit],
    );
  }
}
