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
  perform 1 from schedules where workspace_id = p_workspace and id = p_schedule for no key update;
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
