-- Agents that are connected by a socket, and tickets for those that cannot send headers.

create table agent_sessions (
  organization_id uuid not null,
  workspace_id uuid not null,
  agent_id uuid not null,
  instance_id text not null check (char_length(instance_id) between 1 and 200), -- a process of the agent, as it names itself
  session_id uuid not null, -- the connection; a later one of the same instance takes its place
  key_id uuid not null,
  gateway text not null, -- the process that holds the connection
  max_concurrent int check (max_concurrent between 1 and 1000), -- of this instance; null: the agent's own limit alone
  capabilities jsonb check (jsonb_typeof(capabilities) = 'array'), -- [{name, level?}] this instance has; null: all of the agent's
  connected_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(), -- the last frame, give or take 2 s
  last_offered_at timestamptz,
  last_acknowledged_at timestamptz,
  last_task_id uuid, -- the last task it has seen, by its own words
  unacknowledged int not null default 0 check (unacknowledged >= 0), -- offers in a row that it left unanswered
  primary key (workspace_id, agent_id, instance_id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
) with (fillfactor = 50);
create index agent_sessions_by_agent on agent_sessions (organization_id, agent_id);
-- Whoever is silent longer than any gateway would let him be has lost his gateway.
create index agent_sessions_by_sight on agent_sessions (organization_id, last_seen_at);

create table agent_connect_tickets (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  ticket_hash text not null,
  agent_id uuid not null,
  key_id uuid not null,
  expires_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);
create unique index agent_connect_tickets_by_hash on agent_connect_tickets (organization_id, ticket_hash);
create index agent_connect_tickets_by_end on agent_connect_tickets (organization_id, expires_at);

-- Whoever holds an agent's socket listens here: pause, drain, disable, or another limit.
create function tell_agent_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('houston_agent_changed', new.id::text);
  return null;
end $$;
create trigger agents_tell_changed after update of enabled, lifecycle, paused_at, draining_at, capabilities, max_concurrent, availability, timezone, provider
  on agents for each row execute function tell_agent_changed();
