import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { DeadLetterRow, TaskAttemptView } from './dead-letter.view.js';

const MAX_ATTEMPTS = 50;

/** Which open dead letters of tasks; `ids` null: whatever the rest says. */
export interface TaskLetterChoice {
  ids: string[] | null;
  reason: string | null;
  tag: string | null;
  from: string | null;
  to: string | null;
  limit: number;
}

export type TaskLetter = DeadLetterRow & { task_id: string };

@Injectable()
export class TaskLetterStore {
  /** The last attempts at each task, the oldest first. */
  async histories(tx: Tx, taskIds: string[]): Promise<Map<string, TaskAttemptView[]>> {
    if (taskIds.length === 0) return new Map();
    const rows = await tx.query<{ task_id: string; attempts: TaskAttemptView[] }>(
      `select i.id as task_id, coalesce(h.attempts, '[]') as attempts
         from unnest($2::uuid[]) as i(id)
        cross join lateral (
          select jsonb_agg(jsonb_build_object('number', a.number, 'kind', a.kind, 'error', a.error, 'errorType', a.error_type,
                                              'agentId', a.agent_id, 'at', iso_time(a.ended_at)) order by a.fence) as attempts
            from (select * from task_attempts
                   where workspace_id = $1 and task_id = i.id and ended_at is not null order by fence desc limit $3) a) h`,
      [tx.workspaceId, taskIds, MAX_ATTEMPTS],
    );
    return new Map(rows.map((row) => [row.task_id, row.attempts]));
  }

  /** Open dead letters of tasks, the oldest first. Reads only. */
  choose(tx: Tx, workspaceId: string, choice: TaskLetterChoice): Promise<TaskLetter[]> {
    return tx.query<TaskLetter>(
      `select d.* from dead_letters d join tasks t on t.workspace_id = d.workspace_id and t.id = d.task_id
        where d.workspace_id = $1 and d.kind = 'task' and d.status = 'open' and ($2::uuid[] is null or d.id = any($2))
          and ($3::text is null or d.reason = $3) and ($4::text is null or t.tags @> array[$4])
          and ($5::timestamptz is null or d.created_at >= $5) and ($6::timestamptz is null or d.created_at < $6)
        order by d.id limit $7`,
      [workspaceId, choice.ids, choice.reason, choice.tag, choice.from, choice.to, choice.limit],
    );
  }

  /** Locks tasks that were given up, in the order that everybody locks them in. @returns those that still are */
  async lockFailed(tx: Tx, workspaceId: string, taskIds: string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `select id from tasks where workspace_id = $1 and id = any($2::uuid[]) and status = 'failed' order by id for no key update`,
      [workspaceId, taskIds],
    );
    return new Set(rows.map((row) => row.id));
  }

  /** Decides open letters, and tells it. @returns those that were open */
  resolve(tx: Tx, workspaceId: string, ids: string[], actor: string): Promise<TaskLetter[]> {
    return tx.query<TaskLetter>(
      `with resolved as (
         update dead_letters set status = 'replayed', resolved_at = now(), resolved_by = $3
          where workspace_id = $1 and id = any($2::uuid[]) and status = 'open'
         returning *
       ), told as (
         insert into events (organization_id, workspace_id, id, type, actor, subject, data)
         select organization_id, workspace_id, gen_random_uuid(), 'dead_letter.replayed', $3, 'dead_letter:' || id,
                jsonb_build_object('deadLetterId', id, 'kind', kind, 'reason', reason, 'taskId', task_id, 'summary', summary)
           from resolved order by id
       )
       select * from resolved order by id`,
      [workspaceId, ids, actor],
    );
  }
}
