-- Decisions that people or agents are asked for, budgets that were raised for a time, and what runs strangely.

create table approvals (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  kind text not null check (kind in ('action', 'raise', 'unfreeze')), -- what follows from a yes: nothing, a raised budget, a thawed one
  status text not null check (status in ('pending', 'approved', 'rejected', 'answered', 'expired', 'cancelled')),
  policy text not null check (policy in ('auto_approved', 'pending', 'blocked')),
  policy_reasons text[] not null default '{}',
  task_id uuid,
  execution_id uuid,
  budget_id uuid,
  action text not null check (char_length(action) between 1 and 200),
  description text not null,
  confidence float8 check (confidence between 0 and 100),
  risk text not null check (risk in ('low', 'medium', 'high')),
  is_external boolean not null default false,
  options text[] not null default '{}',
  recommended text,
  context jsonb,
  payload jsonb,
  payload_digest text not null check (payload_digest ~ '^sha256:[0-9a-f]{64}$'),
  estimated_nano bigint check (estimated_nano >= 0),
  assignees jsonb not null check (jsonb_typeof(assignees) = 'array' and jsonb_array_length(assignees) > 0), -- [{member} | {agent} | {role}]
  channels text[],
  on_timeout text not null default 'reject' check (on_timeout in ('reject', 'approve', 'escalate')),
  deadline timestamptz,
  escalated_at timestamptz, -- its deadline has passed, and owners decide
  reminders int not null default 0 check (reminders >= 0),
  -- When somebody must look at it: its deadline, or the time to remind of it.
  due_at timestamptz,
  requested_by text not null, -- the actor
  requester_key_id uuid, -- null: the house itself asked, by a rule
  requester_agent_id uuid,
  requester_member_id uuid,
  decision text check (decision in ('approve', 'approve_with_edits', 'reject', 'respond')),
  option text,
  comment text,
  edits jsonb,
  response jsonb,
  approved_digest text check (approved_digest ~ '^sha256:[0-9a-f]{64}$'), -- of what was approved: the payload, or the edits
  resolved_by text, -- an actor, `policy` or `timeout`
  resolver_agent_id uuid,
  resolver_member_id uuid,
  resolved_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  foreign key (organization_id, budget_id) references budgets (organization_id, id) on delete cascade,
  constraint approvals_due check ((status = 'pending') = (due_at is not null)),
  constraint approvals_end check ((status = 'pending') = (resolved_at is null) and (resolved_at is null) = (resolved_by is null)),
  constraint approvals_yes check ((status = 'approved') = (approved_digest is not null)),
  constraint approvals_decision check (decision is null or status = case decision
    when 'reject' then 'rejected' when 'respond' then 'answered' else 'approved' end),
  constraint approvals_decided_by_somebody check (
    decision is not null or status in ('pending', 'expired', 'cancelled') or resolved_by in ('policy', 'timeout')),
  constraint approvals_blocked check (policy <> 'blocked' or on_timeout <> 'approve'),
  constraint approvals_external check (not is_external or on_timeout <> 'approve'),
  constraint approvals_of_budget check ((kind = 'action') = (budget_id is null))
) with (fillfactor = 80);
create unique index approvals_pending_task on approvals (workspace_id, task_id) where status = 'pending' and task_id is not null;
create unique index approvals_pending_raise on approvals (workspace_id, execution_id) where status = 'pending' and kind = 'raise';
create unique index approvals_pending_unfreeze on approvals (workspace_id, budget_id) where status = 'pending' and kind = 'unfreeze';
create index approvals_due on approvals (organization_id, due_at, id) where due_at is not null;
create index approvals_by_creation on approvals (workspace_id, created_at, id);
create index approvals_by_status on approvals (workspace_id, status, created_at, id);
create index approvals_by_task on approvals (workspace_id, task_id, created_at, id) where task_id is not null;
create index approvals_by_execution on approvals (workspace_id, execution_id) where execution_id is not null;
create index approvals_by_resolution on approvals (workspace_id, resolved_at) where resolved_at is not null;
create index approvals_assigned on approvals using gin (assignees jsonb_path_ops) where status = 'pending';

-- A decision stands, whoever comes later.
create function refuse_second_decision() returns trigger language plpgsql as $$
begin
  raise exception 'approval % is % already', old.id, old.status using errcode = 'integrity_constraint_violation';
end $$;
create trigger approvals_decided_once before update on approvals for each row
  when (old.status <> 'pending') execute function refuse_second_decision();

-- Whoever waits for a decision listens here, on any gateway.
create function tell_approval_resolved() returns trigger language plpgsql as $$
begin
  perform pg_notify('houston_approval_resolved', new.id::text);
  return null;
end $$;
create trigger approvals_tell_resolved after update of status on approvals for each row
  when (new.status <> 'pending') execute function tell_approval_resolved();

-- An ended task needs no decision any more: its approval is looked at within the second.
create function look_at_approval() returns trigger language plpgsql as $$
begin
  update approvals set due_at = now() where workspace_id = new.workspace_id and id = new.approval_id and status = 'pending';
  return null;
end $$;
create trigger tasks_look_at_approval after update of ended_at on tasks for each row
  when (new.ended_at is not null and old.ended_at is null and new.approval_id is not null) execute function look_at_approval();

-- What was added to a budget's limit for a time. It stands beside its budget, not its approval: deleting the workspace that
-- asked must not leave the budget of an organization raised for ever.
create table budget_raises (
  organization_id uuid not null,
  workspace_id uuid, -- the budget's
  budget_id uuid not null,
  approval_id uuid not null,
  amount_nano bigint not null check (amount_nano > 0),
  granted_by text not null,
  granted_at timestamptz not null default now(),
  until timestamptz not null,
  ended_at timestamptz, -- the limit was taken back
  primary key (budget_id, approval_id),
  foreign key (organization_id, budget_id) references budgets (organization_id, id) on delete cascade
);
create index budget_raises_due on budget_raises (organization_id, until) where ended_at is null;

alter table budgets
  add column frozen_until timestamptz, -- thaws by itself
  add column frozen_evidence jsonb,
  add constraint budgets_frozen_until check (frozen_until is null or frozen_at is not null);
create index budgets_to_thaw on budgets (organization_id, frozen_until) where frozen_until is not null;

-- What an agent did unlike itself, at most once per kind and quarter of an hour.
create table agent_anomalies (
  organization_id uuid not null,
  workspace_id uuid not null,
  agent_id uuid not null,
  kind text not null check (kind in ('spend_velocity', 'repeated_calls', 'denial_storm')),
  bucket timestamptz not null,
  evidence jsonb not null,
  frozen_budgets uuid[] not null default '{}',
  found_at timestamptz not null default now(),
  primary key (workspace_id, agent_id, kind, bucket),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);

-- What happened because of an approval, and which runs came out of a run. Columns and partial indexes, so that events and runs
-- of which neither is true cost nothing.
alter table events add column approval_id text generated always as (data ->> 'approvalId') stored;
create index events_by_approval on events (workspace_id, approval_id, seq) where approval_id is not null;
create index executions_by_parent on executions (workspace_id, parent_id, started_at, id) where parent_id is not null;
