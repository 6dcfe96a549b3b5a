-- Whether the attempt that runs is the last of so many in a row (the workspace's `poisonAfter`) whose agents vanished. Attempts
-- before a replay do not count, nor does what was given back before it was tried.
create or replace function is_poison(p_task tasks) returns boolean language sql stable
set enable_seqscan = off as $$
  select p_task.attempts >= n.most and (
           select count(*) = n.most - 1 and bool_and(l.kind = 'abandoned')
             from (select x.kind from task_attempts x
                    where x.workspace_id = p_task.workspace_id and x.task_id = p_task.id and x.fence < p_task.lease_fence
                      and x.kind not in ('released', 'unacknowledged', 'quota', 'budget')
                    order by x.fence desc limit n.most - 1) l)
    from (select workspace_seconds(w.settings, 'poisonAfter', 5, 2, 1000) as most from workspaces w where w.id = p_task.workspace_id) n
$$;
