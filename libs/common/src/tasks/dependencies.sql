-- What a task waits for. Edges are added by one at a time in a workspace, so that two additions cannot close a circle that
-- neither sees; whoever finishes tasks shares the lock, so that no edge is added to a task that is just being finished.
-- The lock is taken before any task is locked.

create or replace function lock_edges_shared(p_workspace uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock_shared(hashtextextended(p_workspace::text, 11))
$$;

create or replace function lock_edges_exclusively(p_workspace uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock(hashtextextended(p_workspace::text, 11))
$$;

-- Makes these the tasks that p_task depends on. The caller holds the lock exclusively.
-- Verdicts  set | unknown (one of them does not exist here) | cycle
create or replace function set_dependencies(p_organization uuid, p_workspace uuid, p_task uuid, p_targets uuid[]) returns text
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if exists (select from unnest(p_targets) as x(id)
              where not exists (select from tasks t where t.workspace_id = p_workspace and t.id = x.id)) then
    return 'unknown';
  end if;
  if exists (
    with recursive reached as (
      select unnest(p_targets) as id
      union
      select d.depends_on_id from reached r
       cross join lateral (select x.depends_on_id from task_dependencies x
                            where x.workspace_id = p_workspace and x.task_id = r.id offset 0) d
    ) select from reached where id = p_task) then
    return 'cycle';
  end if;
  delete from task_dependencies d
   where d.workspace_id = p_workspace and d.task_id = p_task and d.depends_on_id <> all(p_targets);
  insert into task_dependencies (organization_id, workspace_id, task_id, depends_on_id)
  select distinct p_organization, p_workspace, p_task, x.id from unnest(p_targets) as x(id)
  on conflict do nothing;
  update tasks t set open_dependencies = (
           select count(*) from task_dependencies d
            where d.workspace_id = p_workspace and d.task_id = p_task
              and not exists (select from tasks o where o.workspace_id = p_workspace and o.id = d.depends_on_id and o.status = 'done'))
   where t.workspace_id = p_workspace and t.id = p_task;
  return 'set';
end $$;
