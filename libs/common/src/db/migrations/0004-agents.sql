-- The registry of agents in full: what each can do, how much at once, when; what it was before; and how it fares.

alter table agents
  add column release text not null default '1.0.0', -- the agent's own version, as its owner names it; `version` counts the row's changes
  add column role text not null default '',
  add column level text not null default 'specialist' check (level in ('intern', 'specialist', 'lead')),
  add column capabilities jsonb not null default '[]' check (jsonb_typeof(capabilities) = 'array'), -- [{name, level 1-5}], by name
  add column max_concurrent int not null default 1 check (max_concurrent between 1 and 1000), -- leases at once, over all workspaces
  add column models text[] not null default '{}',
  add column provider text,
  add column cost_per_task_nano bigint check (cost_per_task_nano >= 0),
  add column session_key text,
  add column token_profile text not null default 'normal' check (token_profile in ('light', 'normal', 'heavy')),
  add column limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
  add column depends_on text[] not null default '{}', -- names of agents
  add column lifecycle text not null default 'active' check (lifecycle in ('active', 'beta', 'deprecated')),
  add column replaced_by uuid,
  add column enabled boolean not null default true,
  add column paused_at timestamptz, -- takes no new work; its leases go on
  add column draining_at timestamptz, -- as paused, and meant to end
  add column availability jsonb check (jsonb_typeof(availability) = 'array'), -- [{day 1-7, from, to}] in local time; null: always
  add column timezone text not null default 'UTC',
  add foreign key (organization_id, replaced_by) references agents (organization_id, id),
  add check (replaced_by is null or lifecycle = 'deprecated'),
  add check (replaced_by <> id),
  add check (paused_at is null or draining_at is null);
-- Only these may be given new work; the rest of the conditions depends on the moment.
create index agents_for_work on agents (organization_id, id)
  where enabled and lifecycle <> 'deprecated' and paused_at is null and draining_at is null;
create index agents_by_capability on agents using gin (capabilities jsonb_path_ops);

-- What the registry said of an agent at each of its versions. Written by a trigger, so that no way of changing it forgets.
create table agent_versions (
  organization_id uuid not null,
  agent_id uuid not null,
  version int not null,
  snapshot jsonb not null,
  created_at timestamptz not null default now(),
  primary key (agent_id, version),
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);

create function keep_agent_version() returns trigger language plpgsql as $$
begin
  insert into agent_versions (organization_id, agent_id, version, snapshot)
  values (new.organization_id, new.id, new.version, to_jsonb(new) - 'organization_id' - 'paused_at' - 'draining_at')
  on conflict (agent_id, version) do update set snapshot = excluded.snapshot;
  return null;
end $$;
create trigger agents_keep_version after insert or update of version on agents
  for each row execute function keep_agent_version();
-- The wall would hide the agents from their own table's owner.
alter table agents no force row level security;
insert into agent_versions (organization_id, agent_id, version, snapshot, created_at)
select organization_id, id, version, to_jsonb(a) - 'organization_id' - 'paused_at' - 'draining_at', updated_at from agents a;
alter table agents force row level security;

-- How an agent fares. Apart from the registry, because it changes with every sign of life.
create table agent_presence (
  organization_id uuid not null,
  agent_id uuid primary key,
  state text not null default 'offline'
    check (state in ('offline', 'idle', 'assigned', 'working', 'blocked', 'paused', 'draining')),
  health text not null default 'offline' check (health in ('active', 'degraded', 'offline')),
  last_seen_at timestamptz, -- claim, heartbeat or report; null: never
  degraded_until timestamptz, -- its breaker is open, or it is deaf
  degraded_reason text check (degraded_reason in ('failing', 'deaf')),
  state_changed_at timestamptz not null default now(),
  wake_at timestamptz, -- when its state must be looked at again; null: nothing changes by time alone
  foreign key (organization_id, agent_id) references agents (organization_id, id),
  check ((degraded_until is null) = (degraded_reason is null))
) with (fillfactor = 50);
create index agent_presence_due on agent_presence (organization_id, wake_at) where wake_at is not null;
create index agent_presence_by_state on agent_presence (organization_id, state);

-- Which agent was stopped by what blocks a task.
create index task_attempts_blocked on task_attempts (organization_id, agent_id) where kind = 'blocked';
