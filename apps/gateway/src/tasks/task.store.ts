import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import type { TaskPriority, TaskRow } from '@houston/common/tasks/task.row.js';
import type { TaskStatus } from '@houston/common/domain/task-states.js';
import type { TaskWithEdges } from './task.view.js';

export interface TaskFilter {
  status?: TaskStatus[];
  priority?: TaskPriority[];
  assigneeId?: string;
  agentId?: string;
  tag?: string[];
  capability?: string;
  parentId?: string;
  /** createdAt (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

const WITH_EDGES = `t.*, array(select d.depends_on_id from task_dependencies d
  where d.workspace_id = t.workspace_id and d.task_id = t.id order by d.depends_on_id) as depends_on`;

/** Columns that a person may change, as they stand in a patch. */
const PATCHABLE = `title, description, priority, required_capabilities, assignee_id, payload, output_schema, tags, retry_policy,
  execution_timeout_seconds, due_at, sla_tier, slo_seconds, expires_at, budget_nano, token_budget`;

/** Reads and writes tasks as people see them; what their workers write is in `WorkStore`. */
@Injectable()
export class TaskStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  async find(scope: WorkspaceScope, id: string): Promise<TaskWithEdges | null> {
    return this.db.inWorkspace(scope, (tx) => this.read(tx, scope.workspaceId, id));
  }

  async read(tx: Tx, workspaceId: string, id: string): Promise<TaskWithEdges | null> {
    const [row] = await tx.query<TaskWithEdges>(
      `select ${WITH_EDGES} from tasks t where t.workspace_id = $1 and t.id = $2`,
      [workspaceId, id],
    );
    return row ?? null;
  }

  /** In the order of `ids`. */
  async readAll(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<TaskWithEdges[]> {
    return tx.query<TaskWithEdges>(
      `select ${WITH_EDGES} from unnest($2::uuid[]) with ordinality as i(id, n)
         join tasks t on t.workspace_id = $1 and t.id = i.id order by i.n`,
      [workspaceId, ids],
    );
  }

  async lock(tx: Tx, workspaceId: string, id: string): Promise<TaskRow | null> {
    const [row] = await tx.query<TaskRow>('select * from tasks where workspace_id = $1 and id = $2 for no key update', [
      workspaceId,
      id,
    ]);
    return row ?? null;
  }

  /** Newest first. `sort_key` is the exact creation, for the cursor. */
  list(scope: WorkspaceScope, filter: TaskFilter): Promise<(TaskWithEdges & { sort_key: string })[]> {
    const [afterTime, afterId] = filter.after ?? [null, null];
    return this.db.inWorkspace(scope, (tx) =>
      tx.query(
        `select ${WITH_EDGES}, (extract(epoch from t.created_at) * 1000000)::bigint::text as sort_key from tasks t
          where t.workspace_id = $1
            and ($2::text[] is null or t.status = any($2)) and ($3::text[] is null or t.priority = any($3))
            and ($4::uuid is null or t.assignee_id = $4) and ($5::uuid is null or t.lease_agent_id = $5)
            and ($6::text[] is null or t.tags @> $6) and ($7::uuid is null or t.parent_id = $7)
            and ($8::jsonb is null or t.required_capabilities @> $8)
            and ($9::bigint is null or (t.created_at, t.id) < (timestamptz 'epoch' + $9 * interval '1 microsecond', $10::uuid))
          order by t.created_at desc, t.id desc limit $11`,
        [
          scope.workspaceId,
          filter.status ?? null,
          filter.priority ?? null,
          filter.assigneeId ?? null,
          filter.agentId ?? null,
          filter.tag ?? null,
          filter.parentId ?? null,
          filter.capability === undefined ? null : JSON.stringify([{ name: filter.capability }]),
          afterTime,
          afterId,
          filter.limit + 1,
        ],
      ),
    );
  }

  /** Writes new tasks; those that exist already stay as they are. @returns the new ones, in their order */
  async create(tx: Tx, workspaceId: string, actor: string, items: Record<string, unknown>[]): Promise<TaskWithEdges[]> {
    return tx.query<TaskWithEdges>(`select t.*, '{}'::uuid[] as depends_on from create_tasks($1, $2, $3, $4) t`, [
      tx.organizationId,
      workspaceId,
      actor,
      JSON.stringify(items),
    ]);
  }

  /** @param patch by column; absent keys stay, nulls clear */
  async update(tx: Tx, workspaceId: string, id: string, patch: Record<string, unknown>): Promise<void> {
    await tx.query(
      `update tasks t
          set (${PATCHABLE}) = (select ${PATCHABLE} from jsonb_populate_record(t, $3)),
              dispatch_at = dispatch_place(t.created_at, (jsonb_populate_record(t, $3)).priority),
              breach_at = case when $3::jsonb ? 'due_at' then ($3::jsonb ->> 'due_at')::timestamptz else t.breach_at end,
              breached_at = case when $3::jsonb ? 'due_at' then null else t.breached_at end,
              version = t.version + 1, updated_at = now()
        where t.workspace_id = $1 and t.id = $2`,
      [workspaceId, id, JSON.stringify(patch)],
    );
  }

  async lockEdges(tx: Tx, workspaceId: string): Promise<void> {
    await tx.query('select lock_edges_exclusively($1)', [workspaceId]);
  }

  async setDependencies(
    tx: Tx,
    workspaceId: string,
    id: string,
    dependsOn: readonly string[],
  ): Promise<'set' | 'unknown' | 'cycle'> {
    const [row] = await tx.query<{ verdict: 'set' | 'unknown' | 'cycle' }>(
      'select set_dependencies($1, $2, $3, $4::uuid[]) as verdict',
      [tx.organizationId, workspaceId, id, dependsOn],
    );
    if (!row) throw new Error('set_dependencies answered nothing');
    return row.verdict;
  }

  /** What was written for the task, or attached to its thread, as `document:<id>`: the latest, a deliverable before others. */
  async documentOf(tx: Tx, workspaceId: string, id: string): Promise<string | null> {
    const [found] = await tx.query<{ ref: string }>(
      `select 'document:' || d.id as ref from (
         select id, type, created_at from documents where workspace_id = $1 and task_id = $2
         union all
         select d.id, d.type, d.created_at from task_messages m, unnest(m.attachments) as a(id), documents d
          where m.workspace_id = $1 and m.task_id = $2 and d.workspace_id = $1 and d.id = a.id
       ) d order by d.type = 'deliverable' desc, d.created_at desc limit 1`,
      [workspaceId, id],
    );
    return found?.ref ?? null;
  }

  async missing(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `select i.id from unnest($2::uuid[]) as i(id)
        where not exists (select from tasks t where t.workspace_id = $1 and t.id = i.id)`,
      [workspaceId, ids],
    );
    return rows.map((row) => row.id);
  }
}
