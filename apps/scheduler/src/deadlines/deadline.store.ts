import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';

const UNFINISHED = `status in ('inbox', 'assigned', 'in_progress', 'blocked', 'review')`;

/** A task that somebody should look at, and what was said about it last. */
export type WaitingRow = TaskRow & { waiting_reason: string | null };

@Injectable()
export class DeadlineStore {
  /** Notes the passing of due times and tells it, each once. @returns how many */
  async noteBreaches(tx: Tx, limit: number): Promise<number> {
    const breached = await tx.query(
      `with due as (
         select workspace_id, id from tasks
          where organization_id = $1 and ${UNFINISHED} and wake_at <= now() and breach_at <= now()
          order by wake_at, id limit $2 for no key update skip locked
       ), noted as (
         update tasks t set breached_at = now(), breach_at = null, updated_at = now()
           from due d where t.workspace_id = d.workspace_id and t.id = d.id
         returning t.*
       )
       insert into events (organization_id, workspace_id, id, type, actor, subject, data)
       select organization_id, workspace_id, gen_random_uuid(), 'task.due_breached', 'system', 'task:' || id,
              jsonb_build_object('taskId', id, 'title', title, 'priority', priority, 'status', status, 'dueAt', iso_time(due_at),
                                 'agentId', lease_agent_id)
         from noted returning id`,
      [tx.organizationId, limit],
    );
    return breached.length;
  }

  /** Notes which service levels are missed and tells it, each once. @returns how many */
  async noteSloBreaches(tx: Tx, limit: number): Promise<number> {
    const breached = await tx.query(
      `with due as (
         select workspace_id, id from tasks
          where organization_id = $1 and slo_breach_at <= now()
          order by slo_breach_at, id limit $2 for no key update skip locked
       ), noted as (
         update tasks t set slo_breached_at = now(), slo_breach_at = null, updated_at = now()
           from due d where t.workspace_id = d.workspace_id and t.id = d.id
         returning t.*
       )
       insert into events (organization_id, workspace_id, id, type, actor, subject, data)
       select organization_id, workspace_id, gen_random_uuid(), 'slo.breached', 'system', 'task:' || id,
              jsonb_build_object('taskId', id, 'title', title, 'priority', priority, 'status', status, 'tier', sla_tier,
                                 'seconds', slo_seconds, 'dueAt', iso_time(created_at + make_interval(secs => slo_seconds)),
                                 'agentId', lease_agent_id)
         from noted returning id`,
      [tx.organizationId, limit],
    );
    return breached.length;
  }

  /** Locks tasks whose time is over. */
  lockExpired(tx: Tx, limit: number): Promise<TaskRow[]> {
    return tx.query(
      `select * from tasks
        where organization_id = $1 and ${UNFINISHED} and wake_at <= now() and expires_at <= now()
        order by wake_at, id limit $2 for no key update skip locked`,
      [tx.organizationId, limit],
    );
  }

  /** Locks the first task that nobody works on and that has not moved for a while. */
  async lockWaiting(tx: Tx): Promise<WaitingRow | null> {
    const [task] = await tx.query<WaitingRow>(
      `select * from tasks
        where organization_id = $1 and status in ('inbox', 'blocked', 'review') and look_at <= now()
        order by look_at, id limit 1 for no key update skip locked`,
      [tx.organizationId],
    );
    return task ?? null;
  }

  /** Looks again after half of the time it has waited so far, between one minute and one hour. */
  async lookLater(tx: Tx, task: WaitingRow, reason: string): Promise<void> {
    await tx.query(
      `update tasks set waiting_reason = $3,
              look_at = now() + least(greatest((now() - status_since) / 2, interval '1 minute'), interval '1 hour')
        where workspace_id = $1 and id = $2`,
      [task.workspace_id, task.id, reason],
    );
  }
}
