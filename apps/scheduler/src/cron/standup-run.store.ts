import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

export interface DueRun {
  workspaceId: string;
  tickId: string;
}

/** A run of a schedule that is a stand-up still to be made. */
export interface StandupRun extends DueRun {
  scheduleId: string;
  /** Of the workspace. */
  name: string;
  timezone: string;
  settings: Record<string, unknown>;
}

@Injectable()
export class StandupRunStore {
  /** The longest waiting first. */
  due(tx: Tx, limit: number): Promise<DueRun[]> {
    return tx.query(
      `select workspace_id as "workspaceId", id as "tickId" from schedule_ticks
        where organization_id = $1 and wake_at <= now() and outcome = 'running' and num_nonnulls(task_id, task_ids) = 0
        order by wake_at limit $2`,
      [tx.organizationId, limit],
    );
  }

  /** Null when it has ended, or another scheduler works on it. */
  async lock(tx: Tx, { workspaceId, tickId }: DueRun): Promise<StandupRun | null> {
    const [run] = await tx.query<StandupRun>(
      `select k.id as "tickId", k.schedule_id as "scheduleId", w.id as "workspaceId", w.name, w.timezone, w.settings
         from schedule_ticks k
         join schedules s on s.workspace_id = k.workspace_id and s.id = k.schedule_id
         join workspaces w on w.id = k.workspace_id
        where k.workspace_id = $1 and k.id = $2 and k.outcome = 'running' and k.wake_at <= now()
          for update of k, s skip locked`,
      [workspaceId, tickId],
    );
    return run ?? null;
  }

  async succeed(tx: Tx, { workspaceId, tickId }: StandupRun, standupId: string): Promise<void> {
    await tx.query('select end_standup_run($1, $2, $3, null)', [workspaceId, tickId, standupId]);
  }

  async fail(tx: Tx, { workspaceId, tickId }: StandupRun, error: string): Promise<void> {
    await tx.query('select end_standup_run($1, $2, null, $3)', [workspaceId, tickId, error]);
  }
}
