import type { Tx } from '../db/database.js';
import type { TaskMove } from './task-move.js';

/**
 * Writes moves of tasks that this transaction has locked, in ascending (workspace, id); each task at most once.
 *
 * @param tx speaks for the whole organization; moves to `done` need `shareEdges` before the tasks were locked
 */
export async function moveTasks(tx: Tx, moves: readonly TaskMove[]): Promise<void> {
  if (moves.length === 0) return;
  await tx.query('select move_tasks($1, $2)', [tx.organizationId, JSON.stringify(moves)]);
}

/** Nobody makes a task wait for another while this transaction may finish it. To call before locking tasks. */
export async function shareEdges(tx: Tx, workspaceId: string): Promise<void> {
  await tx.query('select lock_edges_shared($1)', [workspaceId]);
}
