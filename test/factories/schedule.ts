import { v7 as newId } from 'uuid';
import type { TestDatabase } from '../support/database.js';

export interface NewSchedule {
  everySeconds?: number;
  catchUp?: string;
  overlap?: string;
  jitterSeconds?: number;
  timezone?: string;
  task?: Record<string, unknown>;
  /** Wakes this agent. */
  agentId?: string;
  /** When its first tick came. */
  dueSecondsAgo?: number;
}

/** A schedule, put straight into the database. @returns its id */
export async function insertSchedule(db: TestDatabase, options: NewSchedule = {}): Promise<string> {
  const {
    everySeconds = 3_600,
    catchUp = 'none',
    overlap = 'skip',
    jitterSeconds = 0,
    dueSecondsAgo = 0.2,
    agentId,
  } = options;
  const id = newId();
  await db.database.inOrganization(db.organizationId, (tx) =>
    tx.query(
      `insert into schedules (organization_id, workspace_id, id, name, every_seconds, timezone, anchor_at, next_tick_at, target_kind,
                            target, task, agent_id, catch_up, overlap, jitter_seconds, created_by)
     select $1, $2, $3, 'Report', $4::int, $5, d.at - make_interval(secs => $4::int), d.at, case when $6::uuid is null then 'task' else 'heartbeat' end,
            '{}', $7, $6, $8, $9, $10, 'system'
       from (select date_trunc('milliseconds', now() - make_interval(secs => $11)) as at) d`,
      [
        ...[db.organizationId, db.workspaceId, id, everySeconds, options.timezone ?? 'UTC', agentId ?? null],
        JSON.stringify({ title: 'Report', priority: 'normal', assignee_id: agentId, ...options.task }),
        ...[catchUp, overlap, jitterSeconds, dueSecondsAgo],
      ],
    ),
  );
  return id;
}
