-- The runs of schedules: what a tick begins, how it stands and how it ends.

create or replace function begin_run(p_schedule schedules, p_tick schedule_ticks) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_is_workflow boolean := p_schedule.target_kind = 'workflow';
  -- Of one age, they are taken in the order of their ids: that of the list.
  v_ids uuid[] := array(select gen_random_uuid() from jsonb_array_elements(p_schedule.tasks) order by 1);
begin
  begin
    perform make_tasks(p_schedule, v_ids);
  exception when integrity_constraint_violation or data_exception then
    perform end_run(p_schedule, p_tick, 'failed', sqlerrm);
    return;
  end;
  update schedule_ticks
     set outcome = 'running', started_at = now(), wake_at = now() + interval '1 minute',
         task_id = case when not v_is_workflow then v_ids[1] end, task_ids = case when v_is_workflow then v_ids end
   where workspace_id = p_tick.workspace_id and id = p_tick.id;
  perform tell_schedule(p_schedule, 'schedule.fired', jsonb_build_object(
    'tickAt', iso_time(p_tick.tick_at), 'origin', p_tick.origin, 'taskId', case when not v_is_workflow then v_ids[1] end,
    'tasks', case when v_is_workflow then (
      select jsonb_object_agg(t.value ->> 'key', v_ids[t.n]) from jsonb_array_elements(p_schedule.tasks) with ordinality as t(value, n)) end));
end $$;

-- The run of a stand-up has ended. p_standup null: it could not be made, for p_error.
create or replace function end_standup_run(p_workspace uuid, p_tick uuid, p_standup uuid, p_error text) returns void language plpgsql
set enable_seqscan = off as $$
declare
  v_tick schedule_ticks;
  v_schedule schedules;
begin
  update schedule_ticks set standup_id = p_standup where workspace_id = p_workspace and id = p_tick returning * into v_tick;
  select * into v_schedule from schedules where workspace_id = p_workspace and id = v_tick.schedule_id;
  perform end_run(v_schedule, v_tick, case when p_standup is null then 'failed' else 'succeeded' end, p_error);
  if p_standup is not null then
    perform tell_schedule(v_schedule, 'schedule.fired', jsonb_build_object(
      'tickAt', iso_time(v_tick.tick_at), 'origin', v_tick.origin, 'standupId', p_standup));
  end if;
end $$;

-- The tasks that a tick made.
create or replace function tasks_of_tick(p_tick schedule_ticks) returns uuid[] language sql immutable as $$
  select coalesce(p_tick.task_ids, array_remove(array[p_tick.task_id], null))
$$;

-- How a run stands: running | succeeded | failed | cancelled, or null when its tasks are gone. A workflow runs as long as one of
-- its tasks can go on; what waits for one that failed or was cancelled cannot, until somebody replays that.
create or replace function standing_of_run(p_tick schedule_ticks) returns text language sql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  with recursive own as (
    select t.id, t.status
      from unnest(tasks_of_tick(p_tick)) as i(id)
     cross join lateral (select x.id, x.status from tasks x where x.workspace_id = p_tick.workspace_id and x.id = i.id offset 0) t
  ), hopeless as (
    select o.id from own o where o.status in ('failed', 'cancelled')
    union
    select o.id from hopeless h
     cross join lateral (select x.task_id from task_dependencies x
                          where x.workspace_id = p_tick.workspace_id and x.depends_on_id = h.id offset 0) d
      join own o on o.id = d.task_id and o.status = 'inbox'
  )
  select case when bool_or(o.status not in ('done', 'failed', 'cancelled') and o.id not in (select h.id from hopeless h)) then 'running'
              when bool_or(o.status = 'failed') then 'failed'
              when bool_and(o.status = 'done') then 'succeeded'
              when count(*) > 0 then 'cancelled' end
    from own o
$$;

-- The run has ended with its tasks, or is looked at again later.
create or replace function settle_tick(p_schedule schedules, p_tick schedule_ticks) returns void language plpgsql
set enable_seqscan = off as $$
declare
  v_standing text := standing_of_run(p_tick);
begin
  if v_standing = 'running' then
    update schedule_ticks
       set wake_at = now() + case when p_tick.task_ids is null then interval '1 minute' else interval '10 seconds' end
     where workspace_id = p_tick.workspace_id and id = p_tick.id;
    return;
  end if;
  perform end_run(p_schedule, p_tick, coalesce(v_standing, 'failed'), case
    when v_standing is null then 'The task is gone.'
    when v_standing = 'failed' and p_tick.task_ids is null then 'The task became a dead letter.'
    when v_standing = 'failed' then 'A task of the workflow became a dead letter.' end);
end $$;

-- Writes how a run has ended, and wakes the one that waits for its end.
create or replace function end_run(p_schedule schedules, p_tick schedule_ticks, p_outcome text, p_error text) returns void
language plpgsql
set enable_seqscan = off as $$
begin
  update schedule_ticks set outcome = p_outcome, error = left(p_error, 2000), wake_at = null, ended_at = now()
   where workspace_id = p_tick.workspace_id and id = p_tick.id;
  if p_outcome = 'succeeded' then
    update schedules set failures = 0, breaker_until = null
     where workspace_id = p_schedule.workspace_id and id = p_schedule.id and failures > 0;
  elsif p_outcome = 'failed' then
    perform count_failure(p_schedule.workspace_id, p_schedule.id, p_tick, p_error);
  end if;
  update schedule_ticks k set wake_at = now()
   where k.workspace_id = p_tick.workspace_id and k.schedule_id = p_tick.schedule_id
     and k.tick_at = (select min(q.tick_at) from schedule_ticks q
                       where q.workspace_id = p_tick.workspace_id and q.schedule_id = p_tick.schedule_id and q.outcome = 'queued');
end $$;

-- Makes the tasks of a schedule, each waiting for those whose keys it names. Nobody else knows them yet: their edges need no
-- lock, and that they close no circle was seen when the schedule was saved.
create or replace function make_tasks(p_schedule schedules, p_ids uuid[]) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform create_tasks(p_schedule.organization_id, p_schedule.workspace_id, 'schedule:' || p_schedule.id, (
    select jsonb_agg(t.value || jsonb_build_object('id', p_ids[t.n]) order by t.n)
      from jsonb_array_elements(p_schedule.tasks) with ordinality as t(value, n)));
  if p_schedule.target_kind <> 'workflow' then
    return;
  end if;
  with keyed as (
    select t.value ->> 'key' as key, p_ids[t.n] as id, t.value -> 'depends_on' as depends_on
      from jsonb_array_elements(p_schedule.tasks) with ordinality as t(value, n)
  ), linked as (
    insert into task_dependencies (organization_id, workspace_id, task_id, depends_on_id)
    select p_schedule.organization_id, p_schedule.workspace_id, k.id, o.id
      from keyed k cross join lateral jsonb_array_elements_text(k.depends_on) as d(key) join keyed o on o.key = d.key
    returning task_id
  )
  update tasks t set open_dependencies = l.waits
    from (select task_id, count(*)::int as waits from linked group by task_id) l
   where t.workspace_id = p_schedule.workspace_id and t.id = l.task_id;
end $$;

-- The fifth failure in a row opens the breaker for two minutes; after that the next run decides.
create or replace function count_failure(p_workspace uuid, p_schedule uuid, p_tick schedule_ticks, p_error text) returns void
language plpgsql
set enable_seqscan = off as $$
declare
  v schedules;
begin
  update schedules
     set failures = failures + 1,
         breaker_until = case when failures + 1 >= 5 then now() + interval '120 seconds' end
   where workspace_id = p_workspace and id = p_schedule returning * into v;
  perform tell_schedule(v, 'schedule.run_failed', jsonb_build_object(
    'tickAt', iso_time(p_tick.tick_at), 'taskId', p_tick.task_id, 'error', p_error, 'failures', v.failures));
  if v.breaker_until is not null then
    perform tell_schedule(v, 'schedule.breaker_opened', jsonb_build_object('failures', v.failures, 'until', iso_time(v.breaker_until)));
  end if;
end $$;

create or replace function tell_schedule(p_schedule schedules, p_type text, p_data jsonb) returns void language sql volatile as $$
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  values (p_schedule.organization_id, p_schedule.workspace_id, gen_random_uuid(), p_type, 'system', 'schedule:' || p_schedule.id,
          jsonb_strip_nulls(jsonb_build_object('scheduleId', p_schedule.id, 'name', p_schedule.name) || p_data))
$$;
