-- Organizations, workspaces, keys, agents, prices, budgets, executions and the event ledger.
-- Every tenant table carries organization_id (and workspace_id where it has one); the walls between tenants are
-- generated from tenant-tables.ts after the migrations have run.

create table organizations (
  id uuid primary key,
  name text not null,
  -- Rises with every change of what admission matches against (budgets' scopes, workspaces, price overrides).
  policy_version bigint not null default 1,
  created_at timestamptz not null default now()
);

create table workspaces (
  organization_id uuid not null references organizations (id),
  id uuid primary key,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  timezone text not null default 'UTC',
  settings jsonb not null default '{}',
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, slug),
  unique (organization_id, id)
);

create table agents (
  organization_id uuid not null references organizations (id),
  id uuid primary key,
  name text not null,
  description text not null default '',
  metadata jsonb not null default '{}',
  auto_registered boolean not null default false,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, name),
  unique (organization_id, id)
);

create table api_keys (
  organization_id uuid not null references organizations (id),
  workspace_id uuid,
  id uuid primary key,
  agent_id uuid,
  name text not null,
  role text not null check (role in ('owner', 'admin', 'member', 'agent', 'viewer')),
  prefix text not null,
  key_hash text not null unique,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);
create index api_keys_by_workspace on api_keys (workspace_id, id);

create table price_overrides (
  organization_id uuid not null,
  workspace_id uuid not null,
  provider text not null,
  model text not null,
  input_nano_per_mtok bigint not null check (input_nano_per_mtok >= 0),
  output_nano_per_mtok bigint not null check (output_nano_per_mtok >= 0),
  cache_read_nano_per_mtok bigint check (cache_read_nano_per_mtok >= 0),
  cache_write_nano_per_mtok bigint check (cache_write_nano_per_mtok >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, provider, model),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade
);

create table budgets (
  organization_id uuid not null references organizations (id),
  workspace_id uuid, -- null: the budget covers the whole organization
  id uuid primary key,
  name text not null,
  limit_nano bigint not null check (limit_nano >= 0),
  period text not null check (period in ('day', 'week', 'month', 'total')),
  timezone text not null,
  week_start smallint not null check (week_start between 1 and 7), -- ISO: 1 is Monday
  agent_id uuid,
  model text,
  provider text,
  trigger text,
  tags jsonb,
  mode text not null check (mode in ('enforce', 'observe')),
  thresholds smallint[] not null,
  frozen_at timestamptz,
  frozen_reason text,
  frozen_by text,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (organization_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id)
);
create index budgets_by_workspace on budgets (workspace_id, id);
create index budgets_by_organization on budgets (organization_id, id) where deleted_at is null;

-- What a budget has spent and promised within one window. Never reset: a new window is a new row.
create table budget_windows (
  organization_id uuid not null,
  workspace_id uuid,
  budget_id uuid not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  spent_nano bigint not null default 0 check (spent_nano >= 0),
  held_nano bigint not null default 0 check (held_nano >= 0),
  overage_nano bigint not null default 0 check (overage_nano >= 0), -- spent beyond the holds
  unreserved_nano bigint not null default 0, -- spent that no live hold covered: recorded, late or before the budget
  primary key (budget_id, window_start),
  foreign key (organization_id, budget_id) references budgets (organization_id, id) on delete cascade
) with (fillfactor = 50);

-- One row for each alert that has fired; the primary key is what makes "exactly one" true.
create table budget_alerts (
  organization_id uuid not null,
  workspace_id uuid,
  budget_id uuid not null,
  window_start timestamptz not null,
  kind text not null check (kind in ('threshold', 'exhausted', 'projected')),
  threshold smallint not null,
  fired_at timestamptz not null default now(),
  primary key (budget_id, window_start, kind, threshold),
  foreign key (organization_id, budget_id) references budgets (organization_id, id) on delete cascade
);

-- No foreign keys here: a check per row would lock the same parent rows in every admission. Agents are never
-- deleted, and a workspace is deleted under the organization's exclusive money lock together with its executions.
create table executions (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  status text not null check (status in ('admitted', 'denied', 'succeeded', 'failed', 'timeout', 'cancelled', 'expired')),
  agent_id uuid not null,
  model text not null,
  provider text not null,
  trigger text not null check (trigger in ('manual', 'cron', 'heartbeat', 'delegation', 'workflow')),
  task_id text,
  parent_id uuid,
  external_id text,
  tags jsonb,
  metadata jsonb,
  estimate jsonb,
  requested_nano bigint not null check (requested_nano >= 0),
  held_nano bigint not null check (held_nano >= 0), -- the live hold; 0 once resolved
  declared_nano bigint not null check (declared_nano >= 0), -- the largest hold it had
  cost_nano bigint check (cost_nano >= 0), -- null while nothing is known
  overage_nano bigint not null default 0 check (overage_nano >= 0),
  reported_nano bigint check (reported_nano >= 0),
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  budget_ids uuid[] not null, -- the budgets it counts in, with the window of each, pinned at admission
  window_starts timestamptz[] not null,
  hold_seconds int not null,
  hold_expires_at timestamptz,
  started_at timestamptz not null,
  ended_at timestamptz,
  duration_ms bigint,
  error text,
  summary text,
  late boolean not null default false,
  price_held jsonb,
  price_settled jsonb,
  denial jsonb,
  completion_digest text,
  created_by text not null,
  primary key (workspace_id, id),
  check (cardinality(budget_ids) = cardinality(window_starts)),
  check (status = 'admitted' or held_nano = 0),
  check ((status = 'admitted') = (hold_expires_at is not null))
);
create index executions_by_start on executions (workspace_id, started_at, id);
create index executions_due on executions (organization_id, hold_expires_at) where status = 'admitted';
create unique index executions_by_external_id on executions (workspace_id, external_id) where external_id is not null;
create index executions_by_task on executions (workspace_id, task_id) where task_id is not null;

-- Positions order the ledger by writing transaction. A reader that stays below event_horizon() never misses a late
-- commit: every transaction below it has ended. The offset is 0, unless the database was restored into a cluster whose
-- transaction counter is behind the ledger; then the migrator raises it.
create function event_position_offset() returns bigint language sql immutable as 'select 0::bigint';
create function event_position() returns bigint language sql volatile as $$
  select pg_current_xact_id()::text::bigint + event_position_offset()
$$;
-- Stable on purpose: it must look through the snapshot of the statement that reads the events, not through a later one.
create function event_horizon() returns bigint language sql stable as $$
  select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + event_position_offset()
$$;

-- The one ledger: audit record, outbox and live feed. Insert only.
create table events (
  organization_id uuid not null,
  workspace_id uuid, -- null: an act of the whole organization
  position bigint not null default event_position(), -- the writing transaction; readers stay below the oldest one still running
  seq bigint not null generated always as identity,
  id uuid not null,
  type text not null,
  time timestamptz not null default clock_timestamp(),
  actor text not null,
  subject text not null,
  data jsonb not null,
  -- The money it moved, in every budget window it names; a window's counters are the sums of these.
  budget_ids uuid[],
  window_starts timestamptz[],
  held_delta bigint,
  spent_delta bigint,
  overage_delta bigint,
  unreserved_delta bigint,
  primary key (organization_id, position, seq)
);
create index events_by_workspace on events (workspace_id, seq);

create table event_seals (
  organization_id uuid not null references organizations (id),
  number bigint not null,
  last_position bigint not null,
  seqs bigint[] not null,
  hashes text[] not null,
  sealed_at timestamptz not null default now(),
  primary key (organization_id, number)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger events_append_only before update or delete on events for each row execute function refuse_change();
create trigger events_no_truncate before truncate on events for each statement execute function refuse_change();
create trigger event_seals_append_only before update or delete on event_seals for each row execute function refuse_change();
create trigger event_seals_no_truncate before truncate on event_seals for each statement execute function refuse_change();

-- Readers of the ledger (relay, sealer, roll-ups) each remember how far they have come.
create table event_cursors (
  organization_id uuid not null references organizations (id),
  reader text not null,
  position bigint not null default event_position(),
  seq bigint not null default 0,
  primary key (organization_id, reader)
);

create table cost_rollups (
  organization_id uuid not null,
  workspace_id uuid not null,
  bucket timestamptz not null, -- 15 minutes: divides every zone's offset
  agent_id uuid not null,
  model text not null,
  provider text not null,
  trigger text not null,
  executions bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cost_nano bigint not null,
  primary key (workspace_id, bucket, agent_id, model, provider, trigger)
);
create index cost_rollups_by_organization on cost_rollups (organization_id, bucket);

create table idempotency_keys (
  organization_id uuid not null,
  workspace_id uuid not null,
  key text not null,
  request_hash text not null,
  locked_until timestamptz,
  status int,
  headers jsonb,
  body text,
  created_at timestamptz not null default now(),
  primary key (workspace_id, key),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade
);
create index idempotency_keys_by_age on idempotency_keys (organization_id, created_at);

-- Running processes, so that the gateway can tell who is alive.
create table processes (
  name text not null,
  instance text not null,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now(),
  stats jsonb not null default '{}',
  primary key (name, instance)
);

-- What admission matches against is cached by the gateways; these triggers are why the cache can never be forgotten.
create function bump_policy_version() returns trigger language plpgsql as $$
begin
  update organizations set policy_version = policy_version + 1
   where id = coalesce(new.organization_id, old.organization_id);
  return null;
end $$;
create trigger budgets_policy after insert or delete or update of agent_id, model, provider, trigger, tags, mode, workspace_id, deleted_at
  on budgets for each row execute function bump_policy_version();
create trigger workspaces_policy after insert or delete or update on workspaces for each row execute function bump_policy_version();
create trigger price_overrides_policy after insert or delete or update on price_overrides for each row execute function bump_policy_version();
