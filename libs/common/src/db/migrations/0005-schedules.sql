-- What is to happen again and again, and what came of each time.

create table schedules (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  name text not null check (char_length(name) between 1 and 200),
  cron text, -- five fields, meant in the zone
  every_seconds int check (every_seconds between 1 and 31536000),
  timezone text not null,
  anchor_at timestamptz not null default now(), -- where the intervals are counted from
  offset_minutes int not null default 0 check (offset_minutes between 0 and 59),
  target_kind text not null check (target_kind in ('task', 'heartbeat')),
  target jsonb not null, -- as it was asked for
  task jsonb not null, -- the task that a tick makes, by column
  agent_id uuid, -- whom a heartbeat wakes
  catch_up text not null check (catch_up in ('none', 'one', 'all')),
  overlap text not null check (overlap in ('skip', 'allow', 'queue')),
  jitter_seconds int not null default 0 check (jitter_seconds between 0 and 3600),
  enabled boolean not null default true,
  next_tick_at timestamptz, -- null: paused
  failures int not null default 0 check (failures >= 0), -- in a row
  breaker_until timestamptz, -- no run begins by the clock before
  -- What a heartbeat has seen of the board: every transaction below this position, but these.
  seen_below bigint,
  seen_running bigint[],
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id),
  check ((cron is null) <> (every_seconds is null)),
  check (enabled = (next_tick_at is not null)),
  check ((target_kind = 'heartbeat') = (agent_id is not null)),
  check ((seen_below is null) = (seen_running is null))
);
create index schedules_due on schedules (organization_id, next_tick_at) where next_tick_at is not null;
create index schedules_by_name on schedules (workspace_id, name, id);

-- One row for each tick: its key is what makes every tick happen once, however many schedulers there are.
create table schedule_ticks (
  organization_id uuid not null,
  workspace_id uuid not null,
  schedule_id uuid not null,
  tick_at timestamptz not null,
  id uuid not null,
  origin text not null check (origin in ('clock', 'manual')),
  outcome text not null check (outcome in (
    'waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped', 'missed', 'HEARTBEAT_OK')),
  reason text check (reason in ('overlap', 'queue_full', 'breaker_open', 'paused')),
  error text,
  missed_count int check (missed_count > 0), -- ticks that this row stands for
  missed_until timestamptz, -- the last of them
  task_id uuid,
  started_at timestamptz,
  ended_at timestamptz,
  wake_at timestamptz, -- when it must be looked at again
  primary key (workspace_id, schedule_id, tick_at),
  unique (workspace_id, id),
  foreign key (workspace_id, schedule_id) references schedules (workspace_id, id) on delete cascade,
  check ((outcome in ('waiting', 'queued', 'running')) = (wake_at is not null)),
  check ((wake_at is null) = (ended_at is not null)),
  check ((outcome = 'skipped') = (reason is not null)),
  check ((outcome = 'missed') = (missed_count is not null)),
  check (outcome not in ('running', 'succeeded', 'cancelled') or task_id is not null)
) with (fillfactor = 70);
create index schedule_ticks_due on schedule_ticks (organization_id, wake_at) where wake_at is not null;
create index schedule_ticks_open on schedule_ticks (workspace_id, schedule_id, tick_at) where outcome in ('queued', 'running');
create index schedule_ticks_by_task on schedule_ticks (workspace_id, task_id) where task_id is not null;
create index schedule_ticks_by_end on schedule_ticks (organization_id, ended_at) where ended_at is not null;

-- The end of a task that a schedule made is the end of its run.
create function tell_schedule_task_ended() returns trigger language plpgsql as $$
begin
  update schedule_ticks set wake_at = now()
   where workspace_id = new.workspace_id and task_id = new.id and outcome = 'running';
  return null;
end $$;
create trigger tasks_tell_schedule after update of ended_at on tasks for each row
  when (new.ended_at is not null and old.ended_at is null and new.created_by like 'schedule:%')
  execute function tell_schedule_task_ended();

-- What waited longest among the tasks that could be taken.
create index tasks_waiting on tasks (workspace_id, status_since, id)
  where status = 'inbox' and next_retry_at is null and open_dependencies = 0 and approval_id is null;

-- How many tasks of an inbox can be taken, by priority, and what the rest waits for: sums of changes, written in the
-- transaction that changes the task. Only inserted, and folded by a duty, so that nobody waits for a counter.
create table inbox_counts (
  organization_id uuid not null,
  workspace_id uuid not null,
  bucket text not null check (bucket in ('urgent', 'high', 'normal', 'low', 'dependency', 'approval', 'quota', 'retry')),
  delta bigint not null
);
create index inbox_counts_by_workspace on inbox_counts (organization_id, workspace_id);

create function inbox_bucket(p_status text, p_priority text, p_open_dependencies int, p_approval uuid, p_next_retry timestamptz, p_reason text)
returns text language sql immutable as $$
  select case when p_status <> 'inbox' then null when p_open_dependencies > 0 then 'dependency' when p_approval is not null then 'approval'
              when p_next_retry is null then p_priority when p_reason = 'quota' then 'quota' else 'retry' end
$$;
create function count_new_tasks() returns trigger language plpgsql as $$
begin
  insert into inbox_counts (organization_id, workspace_id, bucket, delta)
  select organization_id, workspace_id, bucket, count(*)
    from (select n.organization_id, n.workspace_id,
                 inbox_bucket(n.status, n.priority, n.open_dependencies, n.approval_id, n.next_retry_at, n.retry_reason) as bucket
            from new_tasks n) b
   where bucket is not null group by 1, 2, 3;
  return null;
end $$;
create function count_changed_task() returns trigger language plpgsql as $$
declare
  v_before text := inbox_bucket(old.status, old.priority, old.open_dependencies, old.approval_id, old.next_retry_at, old.retry_reason);
  v_after text := inbox_bucket(new.status, new.priority, new.open_dependencies, new.approval_id, new.next_retry_at, new.retry_reason);
begin
  if v_before is distinct from v_after then
    insert into inbox_counts (organization_id, workspace_id, bucket, delta)
    select new.organization_id, new.workspace_id, b.bucket, b.delta
      from (values (v_before, -1), (v_after, 1)) as b(bucket, delta) where b.bucket is not null;
  end if;
  return null;
end $$;
create function forget_inbox_counts() returns trigger language plpgsql as $$
begin
  delete from inbox_counts where organization_id = old.organization_id and workspace_id = old.id;
  return null;
end $$;
create trigger tasks_count_new after insert on tasks referencing new table as new_tasks
  for each statement execute function count_new_tasks();
create trigger tasks_count_changed after update of status, priority, open_dependencies, approval_id, next_retry_at, retry_reason on tasks
  for each row when (old.status = 'inbox' or new.status = 'inbox') execute function count_changed_task();
create trigger workspaces_forget_counts after delete on workspaces for each row execute function forget_inbox_counts();
