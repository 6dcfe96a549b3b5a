-- A tick makes a task, several that wait for each other, or a stand-up. An agent that hangs up is gone at once.

alter table schedules rename column task to tasks;
-- What a tick makes, by column; each of a workflow has a key, and the keys of what it waits for in depends_on.
alter table schedules alter column tasks type jsonb using jsonb_build_array(tasks);
alter table schedules drop constraint schedules_target_kind_check;
alter table schedules add check (target_kind in ('task', 'heartbeat', 'workflow', 'standup'));

alter table schedule_ticks add column task_ids uuid[]; -- of a workflow, in the order of its list
alter table schedule_ticks add column standup_id uuid;
alter table schedule_ticks drop constraint schedule_ticks_check4;
alter table schedule_ticks add check (outcome not in ('succeeded', 'cancelled') or num_nonnulls(task_id, task_ids, standup_id) > 0);
alter table schedule_ticks add check (num_nonnulls(task_id, task_ids, standup_id) <= 1);

-- The end of a task that a schedule made may be the end of its run. Whoever ends several tasks of several workflows waits for
-- nobody: a workflow that is missed here is looked at soon by itself.
create or replace function tell_schedule_task_ended() returns trigger language plpgsql as $$
begin
  update schedule_ticks set wake_at = now()
   where workspace_id = new.workspace_id and task_id = new.id and outcome = 'running';
  if not found then
    update schedule_ticks k set wake_at = now()
     where k.ctid = (select o.ctid from schedule_ticks o
                      where o.workspace_id = new.workspace_id and o.schedule_id = substring(new.created_by from 10)::uuid
                        and o.outcome = 'running' and new.id = any(o.task_ids)
                        for update skip locked);
  end if;
  return null;
end $$;

-- Those that a schedule asked for are not of the clock that every workspace has.
alter table standups drop constraint standups_origin_check;
alter table standups add check (origin in ('clock', 'manual', 'schedule'));

alter table agent_presence add column left_at timestamptz; -- its last socket was closed then: no sign of life before counts

-- Whoever offers tasks reckons anew whom to ask first.
create trigger agents_tell_worth after update of level, cost_per_task_nano on agents
  for each row when (old.level is distinct from new.level or old.cost_per_task_nano is distinct from new.cost_per_task_nano)
  execute function tell_agent_changed();
create function tell_strategy_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('houston_strategy_changed', new.id::text);
  return null;
end $$;
create trigger workspaces_tell_strategy after update of settings on workspaces
  for each row when (old.settings -> 'assignmentStrategy' is distinct from new.settings -> 'assignmentStrategy')
  execute function tell_strategy_changed();
