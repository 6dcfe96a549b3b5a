import type { Tx } from '../db/database.js';
import type { WaitingAgent, WaitingTask } from '../domain/task-why.js';
import type { TaskRow } from './task.row.js';

/** An agent that might do a task, with what is known of it. */
export interface CandidateRow extends WaitingAgent {
  id: string;
  name: string;
  level: 'intern' | 'specialist' | 'lead';
  capabilities: { name: string; level?: number }[];
  /** Why its breaker is not closed. */
  degraded_reason: 'failing' | 'deaf' | null;
  load: number;
  max_concurrent: number;
  cost_per_task_nano: string | null;
  attempts: number;
  successes: number;
  median_seconds: number | null;
}

/**
 * Every agent that is not out of service, able or not; of a reserved task its assignee alone, in service or not. At most 1,000.
 *
 * @param withHistory fill attempts, successes and median time, which cost more to find than the rest
 */
export async function candidatesOf(
  tx: Tx,
  workspaceId: string,
  taskId: string,
  withHistory: boolean,
): Promise<CandidateRow[]> {
  return tx.query<CandidateRow>('select * from task_candidate_agents($1, $2, $3)', [workspaceId, taskId, withHistory]);
}

export function waitingTask(row: TaskRow): WaitingTask {
  return {
    status: row.status,
    openDependencies: row.open_dependencies,
    approvalId: row.approval_id,
    nextRetryAt: row.next_retry_at,
    retryReason: row.retry_reason,
    blockerReason: row.blocker_reason,
    requiredCapabilities: row.required_capabilities,
  };
}
