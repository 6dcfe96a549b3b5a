-- The breaker of an agent: what its owner wants of it, and where it stands.

alter table agents
  -- {failureRate, minimumTasks, windowSeconds, openSeconds, unansweredOffers}, as far as it differs from the defaults of breaker_of
  add column breaker jsonb not null default '{}' check (jsonb_typeof(breaker) = 'object');

-- Closed while degraded_until is null, open until that time, half open from then on: until a trial decides.
alter table agent_presence
  add column breaker_trips int not null default 0 check (breaker_trips >= 0), -- how often in a row it opened, no trial having succeeded
  add column half_opened_at timestamptz, -- that it is half open has been told
  add column judged_from timestamptz, -- attempts begun before are not held against it any more
  add check (half_opened_at is null or degraded_until is not null),
  add check ((breaker_trips > 0) = (degraded_until is not null));

-- What an agent made of its last attempts, wherever they were.
create index task_attempts_of_agent on task_attempts (organization_id, agent_id, ended_at) where ended_at is not null;

-- An agent that met the end of a quota which is not known to be its provider's: it gets no work of the workspace until then.
create table agent_parkings (
  organization_id uuid not null,
  workspace_id uuid not null,
  agent_id uuid not null,
  until timestamptz not null,
  reason text not null default '',
  updated_at timestamptz not null default now(),
  primary key (workspace_id, agent_id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);
