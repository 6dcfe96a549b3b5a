import type { LabDatabase } from './lab.js';

const DONE_TASKS = 5_000;

/** Work that was done before, with its attempts: a planner that has only ever seen empty tables plans for empty tables. */
export async function seedDoneWork({ client, organizationId, workspaceId }: LabDatabase): Promise<void> {
  await client.query(
    `with agent as (
       insert into agents (organization_id, id, name) values ($1, gen_random_uuid(), 'veteran') returning id
     ), task as (
       insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, evidence_ref, attempts,
                          lease_fence, created_at, status_since, ended_at)
       select $1, $2, gen_random_uuid(), 'Task ' || n, 'done', 'normal', at, 'system', 'kept', 1, 1, at, at, at
         from generate_series(1, $3) n cross join lateral (select now() - n * interval '1 minute' as at) t
       returning id, ended_at
     ), told as (
       insert into events (organization_id, workspace_id, id, type, actor, subject, data)
       select $1, $2, gen_random_uuid(), 'task.completed', 'system', 'task:' || id, '{}' from task
     )
     insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, started_at, ended_at, kind)
     select $1, $2, task.id, 1, 1, agent.id, ended_at, ended_at, 'succeeded' from task, agent`,
    [organizationId, workspaceId, DONE_TASKS],
  );
  await client.query('analyze');
}
