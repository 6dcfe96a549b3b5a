import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { returnedMove } from '@houston/common/tasks/task-move.js';
import { moveTasks } from '@houston/common/tasks/task-moves.store.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';

export interface CapacityRow {
  in_flight: number;
  available_now: boolean;
  /** Null: it has no hours at all. */
  available_from: Date | null;
}

export interface MetricsRow {
  attempts: number;
  succeeded: number;
  failed: number;
  retries: number;
  tasks: number;
  completed_tasks: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  cost_nano: string;
}

/** What agents have in hand, and what they made of it. */
@Injectable()
export class AgentWorkStore {
  /** Derives its state anew after something was changed that it depends on. */
  async note(tx: Tx, id: string, actor: string): Promise<void> {
    await tx.query('select note_agents($1, array[$2::uuid], false, $3)', [tx.organizationId, id, actor]);
  }

  /** Takes no new work until resumed. @returns whether that is news */
  async halt(tx: Tx, id: string, how: 'paused' | 'draining'): Promise<boolean> {
    const [set, other] = how === 'paused' ? ['paused_at', 'draining_at'] : ['draining_at', 'paused_at'];
    const rows = await tx.query(
      `update agents set ${set} = now(), ${other} = null where id = $1 and ${set} is null returning id`,
      [id],
    );
    return rows.length > 0;
  }

  /** Lifts whatever keeps work away from it, an open breaker included. @returns whether anything did */
  async resume(tx: Tx, id: string, actor: string): Promise<boolean> {
    const [breaker] = await tx.query<{ closed: boolean }>('select close_breaker($1, $2, $3) as closed', [
      tx.organizationId,
      id,
      actor,
    ]);
    const rows = await tx.query(
      `update agents set paused_at = null, draining_at = null
        where id = $1 and (paused_at is not null or draining_at is not null) returning id`,
      [id],
    );
    return rows.length > 0 || breaker?.closed === true;
  }

  /**
   * Gives back what it has on lease, in every workspace: others can take it at once, and no attempt is counted.
   * Needs a transaction of the whole organization in which the agent is locked.
   */
  async returnLeases(tx: Tx, id: string, actor: string): Promise<void> {
    const tasks = await tx.query<TaskRow>(
      `select * from tasks where organization_id = $1 and lease_agent_id = $2 order by workspace_id, id for no key update`,
      [tx.organizationId, id],
    );
    const fault = { kind: 'released', error: 'The agent was disabled.' } as const;
    await moveTasks(
      tx,
      tasks.map((task) => returnedMove(task, fault, actor)),
    );
  }

  /** Needs a transaction of the whole organization: leases count in every workspace. */
  async capacity(tx: Tx, id: string): Promise<CapacityRow> {
    const [row] = await tx.query<CapacityRow>(
      `select (select count(*)::int from tasks t where t.organization_id = $1 and t.lease_agent_id = $2
                 and t.lease_expires_at > now()) as in_flight,
              agent_available(a.availability, a.timezone, now()) as available_now,
              agent_available_from(a.availability, a.timezone, now()) as available_from
         from agents a where a.id = $2`,
      [tx.organizationId, id],
    );
    if (!row) throw new Error(`Agent ${id} is gone`);
    return row;
  }

  /** Attempts that ended within the last `days` in the transaction's workspace. */
  async metrics(tx: Tx, id: string, days: number): Promise<MetricsRow> {
    const [row] = await tx.query<MetricsRow>(
      `with ended as (
         select task_id, number, kind, extract(epoch from ended_at - started_at) * 1000 as ms
           from task_attempts
          where workspace_id = $1 and agent_id = $2 and ended_at > now() - $3 * interval '1 day')
       select count(*)::int as attempts,
              (count(*) filter (where kind = 'succeeded'))::int as succeeded,
              (count(*) filter (where kind in ('transient', 'permanent', 'abandoned', 'stalled', 'timeout')))::int as failed,
              (count(*) filter (where number > 1))::int as retries,
              count(distinct task_id)::int as tasks,
              (count(distinct task_id) filter (where kind = 'succeeded'))::int as completed_tasks,
              round(percentile_cont(0.5) within group (order by ms) filter (where kind = 'succeeded'))::float8 as latency_p50_ms,
              round(percentile_cont(0.95) within group (order by ms) filter (where kind = 'succeeded'))::float8 as latency_p95_ms,
              (select coalesce(sum(e.cost_nano), 0) from executions e
                where e.workspace_id = $1 and e.agent_id = $2
                  and e.task_id in (select distinct task_id::text from ended)) as cost_nano
         from ended`,
      [tx.workspaceId, id, days],
    );
    if (!row) throw new Error('An aggregate answered without a row');
    return row;
  }
}
