import type { Tx } from '../db/database.js';
import type { TaskPriority, TaskRow } from '../tasks/task.row.js';

export async function presentTask(tx: Tx, workspaceId: string, id: string): Promise<TaskRow> {
  const [row] = await tx.query<TaskRow>('select * from tasks where workspace_id = $1 and id = $2 for no key update', [
    workspaceId,
    id,
  ]);
  if (!row) throw new Error(`Task ${id} vanished under its lock`);
  return row;
}

/** A changed priority changes the place in the order of dispatch, as everywhere. */
export async function setPriority(tx: Tx, task: TaskRow, priority: TaskPriority): Promise<void> {
  await tx.query(
    `update tasks set priority = $3, dispatch_at = dispatch_place(created_at, $3), version = version + 1, updated_at = now()
      where workspace_id = $1 and id = $2`,
    [task.workspace_id, task.id, priority],
  );
}

/** Null: any able agent may take it. */
export async function setAssignee(tx: Tx, task: TaskRow, agentId: string | null): Promise<void> {
  await tx.query(
    'update tasks set assignee_id = $3, version = version + 1, updated_at = now() where workspace_id = $1 and id = $2',
    [task.workspace_id, task.id, agentId],
  );
}
