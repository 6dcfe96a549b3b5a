-- What comes of the ticks of schedules.
--
-- waiting -> running -> succeeded | failed | cancelled    by the end of the task it made, or of all tasks of its workflow;
--                                                         of a stand-up: when a scheduler has made it
-- waiting -> queued -> running                            overlap `queue`
-- waiting | queued -> skipped | HEARTBEAT_OK | failed
-- Who works on a tick has locked it and its schedule; both are skipped when somebody else has, so nobody waits for anybody.

-- Writes the ticks that have come, and when each schedule is due next. The caller has locked the schedules.
--
-- p_plans  [{workspace_id, id, next_tick_at, ticks: [{id, tick_at, delay_ms}], missed?: {id, from, until, count}}]
create or replace function write_ticks(p_organization uuid, p_plans jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into schedule_ticks (organization_id, workspace_id, schedule_id, tick_at, id, origin, outcome, wake_at)
  select p_organization, p.workspace_id, p.id, t.tick_at, t.id, 'clock', 'waiting', t.tick_at + t.delay_ms * interval '1 millisecond'
    from jsonb_to_recordset(p_plans) as p(workspace_id uuid, id uuid, ticks jsonb)
   cross join lateral jsonb_to_recordset(p.ticks) as t(id uuid, tick_at timestamptz, delay_ms float8)
  on conflict do nothing;
  with written as (
    insert into schedule_ticks (organization_id, workspace_id, schedule_id, tick_at, id, origin, outcome, missed_count, missed_until, ended_at)
    select p_organization, p.workspace_id, p.id, (p.missed ->> 'from')::timestamptz, (p.missed ->> 'id')::uuid, 'clock', 'missed',
           (p.missed ->> 'count')::int, (p.missed ->> 'until')::timestamptz, now()
      from jsonb_to_recordset(p_plans) as p(workspace_id uuid, id uuid, missed jsonb)
     where p.missed is not null
    on conflict do nothing returning *)
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, w.workspace_id, gen_random_uuid(), 'schedule.missed', 'system', 'schedule:' || w.schedule_id,
         jsonb_build_object('scheduleId', w.schedule_id, 'name', s.name, 'count', w.missed_count,
                            'from', iso_time(w.tick_at), 'until', iso_time(w.missed_until))
    from written w join schedules s on s.workspace_id = w.workspace_id and s.id = w.schedule_id;
  update schedules s set next_tick_at = p.next_tick_at
    from jsonb_to_recordset(p_plans) as p(workspace_id uuid, id uuid, next_tick_at timestamptz)
   where s.workspace_id = p.workspace_id and s.id = p.id;
end $$;

-- Works on up to p_limit ticks whose time has come. Returns how many.
create or replace function work_ticks(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_due uuid[][];
  v_one uuid[];
begin
  perform enter_tenant(p_organization, null);
  -- Heartbeats first: they look at the board, and must not take what other ticks of this transaction do to it as seen.
  select array_agg(array[d.workspace_id, d.id] order by d.kind <> 'heartbeat', d.wake_at, d.tick_at) into v_due from (
    select k.workspace_id, k.id, k.wake_at, k.tick_at, s.target_kind as kind
      from schedule_ticks k join schedules s on s.workspace_id = k.workspace_id and s.id = k.schedule_id
     where k.organization_id = p_organization and k.wake_at <= now() and (k.outcome <> 'running' or num_nonnulls(k.task_id, k.task_ids) > 0)
     order by k.wake_at limit p_limit for update skip locked) d;
  if v_due is null then
    return 0;
  end if;
  foreach v_one slice 1 in array v_due loop
    perform work_tick(v_one[1], v_one[2]);
  end loop;
  return array_length(v_due, 1);
end $$;

-- A person wants it now. A repeated request finds its own tick again.
create or replace function run_schedule(p_organization uuid, p_workspace uuid, p_schedule uuid, p_tick uuid) returns schedule_ticks
language plpgsql
set enable_seqscan = off as $$
declare
  v_at timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_tick schedule_ticks;
begin
  perform enter_tenant(p_organization, null);
  perform 1 from schedules where workspace_id = p_workspace and id = p_schedule for update;
  select * into v_tick from schedule_ticks where workspace_id = p_workspace and id = p_tick;
  if found then
    return v_tick;
  end if;
  loop
    insert into schedule_ticks (organization_id, workspace_id, schedule_id, tick_at, id, origin, outcome, wake_at)
    values (p_organization, p_workspace, p_schedule, v_at, p_tick, 'manual', 'waiting', now())
    on conflict (workspace_id, schedule_id, tick_at) do nothing;
    exit when found;
    v_at := v_at + interval '1 millisecond';
  end loop;
  perform work_tick(p_workspace, p_tick);
  select * into v_tick from schedule_ticks where workspace_id = p_workspace and id = p_tick;
  return v_tick;
end $$;

create or replace function work_tick(p_workspace uuid, p_tick uuid) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_tick schedule_ticks;
  v_schedule schedules;
begin
  select * into v_tick from schedule_ticks where workspace_id = p_workspace and id = p_tick;
  select * into v_schedule from schedules where workspace_id = p_workspace and id = v_tick.schedule_id;
  if v_tick.outcome = 'running' then
    perform settle_tick(v_schedule, v_tick);
  elsif v_tick.outcome in ('waiting', 'queued') then
    perform fire_tick(v_schedule, v_tick);
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

-- Begins the run of a tick, or says why not.
create or replace function fire_tick(p_schedule schedules, p_tick schedule_ticks) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_reason text := refusal_of_tick(p_schedule, p_tick);
begin
  if v_reason = 'queue' then
    update schedule_ticks set outcome = 'queued', wake_at = now() + interval '10 seconds'
     where workspace_id = p_tick.workspace_id and id = p_tick.id;
  elsif v_reason is not null then
    update schedule_ticks set outcome = 'skipped', reason = v_reason, wake_at = null, ended_at = now()
     where workspace_id = p_tick.workspace_id and id = p_tick.id;
    perform tell_schedule(p_schedule, 'schedule.skipped', jsonb_build_object('tickAt', iso_time(p_tick.tick_at), 'reason', v_reason));
  elsif p_schedule.target_kind = 'heartbeat' and not look_at_board(p_schedule) then
    update schedule_ticks set outcome = 'HEARTBEAT_OK', wake_at = null, ended_at = now()
     where workspace_id = p_tick.workspace_id and id = p_tick.id;
  elsif p_schedule.target_kind = 'standup' then
    -- Made where the room of stand-ups is, by the first scheduler that gets to it.
    update schedule_ticks set outcome = 'running', started_at = now(), wake_at = now()
     where workspace_id = p_tick.workspace_id and id = p_tick.id;
  else
    perform begin_run(p_schedule, p_tick);
  end if;
end $$;

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

-- Why a tick does not run now: paused | breaker_open | overlap | queue_full, or `queue` when it has to wait for its turn; else null.
-- At most 100 ticks of a schedule wait.
create or replace function refusal_of_tick(p_schedule schedules, p_tick schedule_ticks) returns text language sql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select case
    when p_tick.origin = 'clock' and not p_schedule.enabled then 'paused'
    when p_tick.origin = 'clock' and p_schedule.breaker_until > now() then 'breaker_open'
    when p_schedule.overlap = 'allow' then null
    when exists (
      select from schedule_ticks k
       where k.workspace_id = p_tick.workspace_id and k.schedule_id = p_tick.schedule_id and k.outcome in ('queued', 'running')
         and (k.outcome = 'running' and standing_of_run(k) = 'running'
              or k.outcome = 'queued' and k.tick_at < p_tick.tick_at))
    then case when p_schedule.overlap = 'skip' then 'overlap'
              when p_tick.outcome = 'waiting'
               and (select count(*) from schedule_ticks k
                     where k.workspace_id = p_tick.workspace_id and k.schedule_id = p_tick.schedule_id and k.outcome = 'queued') >= 100
              then 'queue_full' else 'queue' end
    end
$$;

-- Whether anything has happened to the workspace's tasks since this heartbeat looked last; the tasks of heartbeats aside, or
-- they would wake each other for ever. What a transaction does that is still running is seen when it has ended.
create or replace function look_at_board(p_schedule schedules) returns boolean language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_changed boolean;
  v_below bigint;
  v_running bigint[];
begin
  select p_schedule.seen_below is null or exists (
           select from events e
            where e.organization_id = p_schedule.organization_id
              and e.position >= (select min(least(p_schedule.seen_below, r)) from unnest(p_schedule.seen_running) as r)
              and (e.position >= p_schedule.seen_below or e.position = any(p_schedule.seen_running))
              and e.workspace_id = p_schedule.workspace_id and e.type like 'task.%'
              and not exists (select from schedule_ticks k join schedules s on s.workspace_id = k.workspace_id and s.id = k.schedule_id
                               where k.workspace_id = p_schedule.workspace_id and s.target_kind = 'heartbeat'
                                 and k.task_id = substring(e.subject from '^task:([0-9a-f-]{36})$')::uuid)),
         pg_snapshot_xmax(pg_current_snapshot())::text::bigint + event_position_offset(),
         array(select x::text::bigint + event_position_offset() from pg_snapshot_xip(pg_current_snapshot()) as x) || event_position()
    into v_changed, v_below, v_running;
  update schedules set seen_below = v_below, seen_running = v_running
   where workspace_id = p_schedule.workspace_id and id = p_schedule.id;
  return v_changed;
end $$;

-- Forgets up to p_limit ticks that ended more than 30 days ago. Returns how many.
create or replace function forget_ticks(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off as $$
declare
  v_count int;
begin
  perform enter_tenant(p_organization, null);
  delete from schedule_ticks where ctid = any(array(
    select ctid from schedule_ticks
     where organization_id = p_organization and ended_at < now() - interval '30 days'
     order by ended_at limit p_limit for update skip locked));
  get diagnostics v_count = row_count;
  return v_count;
end $$;
