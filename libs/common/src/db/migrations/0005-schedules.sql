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
  reason text check (reason in ('overlap', 'queue_full', 'breaker_open')),
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

-- What waits in the inbox, oldest first, with all that a count of it needs.
create index tasks_waiting on tasks (workspace_id, status_since, id)
  include (organization_id, priority_rank, open_dependencies, approval_id, next_retry_at, retry_reason)
  where status = 'inbox';
