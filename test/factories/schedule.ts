import { v7 as newId } from 'uuid';
import { ScheduleStore } from '../../apps/scheduler/src/cron/schedule.store.js';
import { ScheduleTicker } from '../../apps/scheduler/src/cron/schedule-ticker.js';
import { StandupRunStore } from '../../apps/scheduler/src/cron/standup-run.store.js';
import { StandupRuns } from '../../apps/scheduler/src/cron/standup-runs.js';
import type { TestDatabase } from '../support/database.js';

export interface NewSchedule {
  everySeconds?: number;
  catchUp?: string;
  overlap?: string;
  jitterSeconds?: number;
  timezone?: string;
  task?: Record<string, unknown>;
  /** A workflow of these, by column, with `key` and `depends_on`. */
  workflow?: Record<string, unknown>[];
  standup?: boolean;
  /** Wakes this agent. */
  agentId?: string;
  /** When its first tick came. */
  dueSecondsAgo?: number;
}

/** As a scheduler has it. */
export function scheduleTicker({ database }: TestDatabase): ScheduleTicker {
  return new ScheduleTicker(database, new ScheduleStore(database), new StandupRuns(database, new StandupRunStore()));
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
                            target, tasks, agent_id, catch_up, overlap, jitter_seconds, created_by)
     select $1, $2, $3, 'Report', $4::int, $5, d.at - make_interval(secs => $4::int), d.at, $12,
            '{}', $7, $6, $8, $9, $10, 'system'
       from (select date_trunc('milliseconds', now() - make_interval(secs => $11)) as at) d`,
      [
        ...[db.organizationId, db.workspaceId, id, everySeconds, options.timezone ?? 'UTC', agentId ?? null],
        JSON.stringify(tasksOf(options)),
        ...[catchUp, overlap, jitterSeconds, dueSecondsAgo, kindOf(options)],
      ],
    ),
  );
  return id;
}

function kindOf({ agentId, workflow, standup }: NewSchedule): string {
  if (workflow) return 'workflow';
  if (standup) return 'standup';
  return agentId === undefined ? 'task' : 'heartbeat';
}

function tasksOf({ agentId, task, workflow, standup }: NewSchedule): Record<string, unknown>[] {
  const defaults = { title: 'Report', priority: 'normal', assignee_id: agentId };
  if (standup) return [];
  return (workflow ?? [{ ...task }]).map((one) => ({ ...defaults, ...one }));
}
