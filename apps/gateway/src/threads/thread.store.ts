import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Author } from '../authors/author.js';

export interface TaskMessageRow {
  id: string;
  task_id: string;
  author: Author;
  body: string;
  reply_to: string | null;
  attachments: string[];
  mentions: Author[];
  created_at: Date;
}

type NewTaskMessage = Omit<TaskMessageRow, 'created_at'> & { created_by: string };

/** The threads of tasks, in the transaction's workspace. */
@Injectable()
export class ThreadStore {
  async taskTitle(tx: Tx, taskId: string): Promise<string | null> {
    const [row] = await tx.query<{ title: string }>('select title from tasks where workspace_id = $1 and id = $2', [
      tx.workspaceId,
      taskId,
    ]);
    return row?.title ?? null;
  }

  async find(tx: Tx, taskId: string, id: string): Promise<TaskMessageRow | null> {
    const [row] = await tx.query<TaskMessageRow>(
      'select * from task_messages where workspace_id = $1 and task_id = $2 and id = $3',
      [tx.workspaceId, taskId, id],
    );
    return row ?? null;
  }

  /** In any order. */
  findAll(tx: Tx, taskId: string, ids: readonly string[]): Promise<TaskMessageRow[]> {
    return tx.query('select * from task_messages where workspace_id = $1 and task_id = $2 and id = any($3::uuid[])', [
      tx.workspaceId,
      taskId,
      ids,
    ]);
  }

  /** Oldest first. `sort_key` is the exact creation, for the cursor. */
  list(
    tx: Tx,
    taskId: string,
    after: readonly string[] | null,
    limit: number,
  ): Promise<(TaskMessageRow & { sort_key: string })[]> {
    const [afterTime, afterId] = after ?? [null, null];
    return tx.query(
      `select m.*, (extract(epoch from m.created_at) * 1000000)::bigint::text as sort_key from task_messages m
        where m.workspace_id = $1 and m.task_id = $2
          and ($3::bigint is null or (m.created_at, m.id) > (timestamptz 'epoch' + $3 * interval '1 microsecond', $4::uuid))
        order by m.created_at, m.id limit $5`,
      [tx.workspaceId, taskId, afterTime, afterId, limit + 1],
    );
  }

  /** @returns false when the id is taken */
  async insert(tx: Tx, message: NewTaskMessage): Promise<boolean> {
    const rows = await tx.query(
      `insert into task_messages (organization_id, workspace_id, task_id, id, author, body, reply_to, attachments, mentions, created_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (workspace_id, id) do nothing returning id`,
      [
        ...[
          tx.organizationId,
          tx.workspaceId,
          message.task_id,
          message.id,
          JSON.stringify(message.author),
          message.body,
        ],
        ...[message.reply_to, message.attachments, JSON.stringify(message.mentions), message.created_by],
      ],
    );
    return rows.length === 1;
  }

  /** Agents of the organization and members of the workspace that are called so. */
  async called(tx: Tx, names: readonly string[]): Promise<Author[]> {
    if (names.length === 0) return [];
    const rows = await tx.query<{ agent: string | null; member: string | null; name: string }>(
      `select id as agent, null::uuid as member, name from agents where organization_id = $1 and name = any($3::text[])
       union all
       select null, id, name from members where workspace_id = $2 and status <> 'removed' and name = any($3::text[])
       order by name, agent, member`,
      [tx.organizationId, tx.workspaceId, names],
    );
    return rows.map(({ agent, member, name }) => (agent === null ? { member: member ?? '', name } : { agent, name }));
  }
}
