-- Tasks, what they wait for, who has them on lease, and how each attempt ended.

create table tasks (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  title text not null check (char_length(title) between 1 and 500),
  description text not null default '',
  status text not null default 'inbox'
    check (status in ('inbox', 'assigned', 'in_progress', 'blocked', 'review', 'done', 'failed', 'cancelled')),
  status_since timestamptz not null default now(),
  priority text not null check (priority in ('urgent', 'high', 'normal', 'low')),
  priority_rank smallint not null generated always as (
    case priority when 'urgent' then 0 when 'high' then 1 when 'normal' then 2 else 3 end) stored,
  required_capabilities jsonb not null default '[]' check (jsonb_typeof(required_capabilities) = 'array'), -- [{name, minLevel}], by name
  assignee_id uuid, -- only this agent may take it
  parent_id uuid,
  payload jsonb,
  output_schema jsonb,
  tags text[] not null default '{}',
  retry_policy jsonb not null default '{}',
  execution_timeout_seconds int check (execution_timeout_seconds > 0),
  due_at timestamptz,
  sla_tier text,
  slo_seconds int check (slo_seconds > 0),
  expires_at timestamptz, -- the task ends as dead letter `timeout`
  budget_nano bigint check (budget_nano >= 0), -- held for each attempt
  token_budget bigint check (token_budget >= 0), -- advisory
  tokens_used bigint not null default 0 check (tokens_used >= 0),
  over_token_budget_at timestamptz, -- flagged for review

  -- What it waits for while it is in the inbox.
  open_dependencies int not null default 0 check (open_dependencies >= 0), -- tasks it depends on that are not done
  approval_id uuid,
  next_retry_at timestamptz,
  retry_reason text check (retry_reason in ('backoff', 'quota', 'budget', 'replay')),
  -- Tasks are taken in this order. Each priority is a head start, so that age always wins in the end.
  dispatch_at timestamptz not null,
  -- Tasks with the same demands stand in one lane; whoever looks for work looks at the head of each lane.
  lane uuid not null generated always as (md5(coalesce(assignee_id::text, '') || required_capabilities::text)::uuid) stored,

  attempts int not null default 0 check (attempts >= 0), -- begun and counted; deferrals and releases are taken back
  lease_id uuid,
  lease_fence bigint not null default 0 check (lease_fence >= 0), -- rises with every lease of the task
  lease_agent_id uuid,
  lease_expires_at timestamptz,
  leased_at timestamptz,
  ack_by timestamptz, -- offered, not yet acknowledged
  acked_at timestamptz,
  last_progress_at timestamptz,
  stalled_at timestamptz, -- when it counts as stalled unless progress comes
  timeout_at timestamptz, -- when the running attempt has used its time up
  progress jsonb check (octet_length(progress::text) <= 32768), -- the last checkpoint; the next attempt receives it
  execution_id uuid, -- the running attempt's hold

  blocker_reason text,
  completion_message text,
  evidence_ref text,
  evidence jsonb,
  result jsonb,
  outcome text,
  last_error text,

  breach_at timestamptz, -- due_at, until its passing has been told
  breached_at timestamptz,
  look_at timestamptz not null default now() + interval '1 minute', -- when to tell again what it waits for, while nobody works on it
  waiting_reason text, -- what was told last of why nobody works on it
  -- The next time at which a duty must act; null while only somebody's act can move it, and look_at stands guard.
  wake_at timestamptz generated always as (
    least(lease_expires_at, ack_by, stalled_at, timeout_at, next_retry_at, breach_at, expires_at)) stored,

  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz, -- the first attempt
  ended_at timestamptz,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, assignee_id) references agents (organization_id, id),
  foreign key (workspace_id, parent_id) references tasks (workspace_id, id) on delete cascade,
  constraint tasks_lease_is_whole check (
    (lease_id is null) = (lease_agent_id is null) and (lease_id is null) = (lease_expires_at is null)
    and (lease_id is null) = (leased_at is null)),
  constraint tasks_lease_while_held check ((status in ('assigned', 'in_progress')) = (lease_id is not null)),
  constraint tasks_ack check ((status = 'assigned') = (ack_by is not null)),
  constraint tasks_lease_times check (lease_id is not null or (stalled_at is null and timeout_at is null and execution_id is null)),
  constraint tasks_retry_in_inbox check (next_retry_at is null or status = 'inbox'),
  constraint tasks_retry_reason check ((next_retry_at is null) = (retry_reason is null)),
  constraint tasks_blocker check (status <> 'blocked' or blocker_reason is not null),
  constraint tasks_review check (status <> 'review' or completion_message is not null or evidence_ref is not null or result is not null),
  constraint tasks_evidence check (
    status <> 'done' or evidence_ref is not null or evidence is not null or result is not null),
  constraint tasks_end check ((status in ('done', 'failed', 'cancelled')) = (ended_at is not null))
) with (fillfactor = 70);
create index tasks_dispatch on tasks (workspace_id, lane, dispatch_at, id)
  where status = 'inbox' and next_retry_at is null and open_dependencies = 0 and approval_id is null;
create index tasks_due on tasks (organization_id, wake_at, id)
  where wake_at is not null and status in ('inbox', 'assigned', 'in_progress', 'blocked', 'review');
create index tasks_to_look_at on tasks (organization_id, look_at, id) where status in ('inbox', 'blocked', 'review');
create index tasks_by_lease_agent on tasks (organization_id, lease_agent_id) where lease_agent_id is not null;
create index tasks_by_creation on tasks (workspace_id, created_at, id);
create index tasks_by_status on tasks (workspace_id, status, created_at, id);
create index tasks_by_parent on tasks (workspace_id, parent_id, created_at, id) where parent_id is not null;
create index tasks_by_assignee on tasks (workspace_id, assignee_id, created_at, id) where assignee_id is not null;
create index tasks_by_tag on tasks using gin (tags);
create index tasks_ended on tasks (workspace_id, ended_at) where ended_at is not null;

-- Acyclic: edges are added under an advisory lock of the workspace, by one that walks from the new edge's end.
create table task_dependencies (
  organization_id uuid not null,
  workspace_id uuid not null,
  task_id uuid not null,
  depends_on_id uuid not null,
  primary key (workspace_id, task_id, depends_on_id),
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  foreign key (workspace_id, depends_on_id) references tasks (workspace_id, id) on delete cascade,
  check (task_id <> depends_on_id)
);
create index task_dependencies_by_target on task_dependencies (workspace_id, depends_on_id);

-- One row for each lease of a task.
create table task_attempts (
  organization_id uuid not null,
  workspace_id uuid not null,
  task_id uuid not null,
  fence bigint not null check (fence > 0),
  number int not null check (number > 0), -- the count of attempts it was; one that was taken back leaves its number to the next
  agent_id uuid not null,
  execution_id uuid,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  kind text check (kind in ('succeeded', 'transient', 'permanent', 'quota', 'abandoned', 'stalled', 'timeout', 'unacknowledged',
                            'released', 'blocked', 'cancelled', 'budget')),
  error text,
  error_type text,
  tokens_used bigint not null default 0,
  primary key (workspace_id, task_id, fence),
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  check ((kind is null) = (ended_at is null))
);
create index task_attempts_by_agent on task_attempts (workspace_id, agent_id, ended_at) where ended_at is not null;
create unique index task_attempts_running on task_attempts (workspace_id, task_id) where ended_at is null;

-- A provider whose quota is used up: its agents get no work of the workspace until then.
create table provider_parkings (
  organization_id uuid not null,
  workspace_id uuid not null,
  provider text not null,
  until timestamptz not null,
  reason text not null default '',
  updated_at timestamptz not null default now(),
  primary key (workspace_id, provider),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade
);

alter table dead_letters
  add column task_id uuid,
  drop constraint dead_letters_kind_check,
  add constraint dead_letters_kind_check check (kind in ('webhook', 'task')),
  add constraint dead_letters_task check ((kind = 'task') = (task_id is not null)),
  add foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade;
create unique index dead_letters_open_task on dead_letters (workspace_id, task_id) where status = 'open';
create index dead_letters_by_task on dead_letters (workspace_id, task_id) where task_id is not null;

-- Whoever waits for work listens here. A trigger, because there are many ways for a task to become free to be taken.
create function tell_task_ready() returns trigger language plpgsql as $$
begin
  perform pg_notify('houston_task_ready', new.workspace_id::text);
  return null;
end $$;
create trigger tasks_tell_ready after insert or update of status, next_retry_at, open_dependencies, approval_id, assignee_id, required_capabilities
  on tasks for each row
  when (new.status = 'inbox' and new.next_retry_at is null and new.open_dependencies = 0 and new.approval_id is null)
  execute function tell_task_ready();
