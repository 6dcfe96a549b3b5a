-- Webhook endpoints, what is on its way to them, and what could not be delivered.

create table webhook_endpoints (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  url text not null,
  description text not null default '',
  events text[] not null check (cardinality(events) > 0), -- patterns: `*`, `budget.*`, `budget.frozen`
  status text not null default 'enabled' check (status in ('enabled', 'disabled')),
  disabled_reason text check (disabled_reason in ('by_user', 'gone', 'failing')),
  failing_since timestamptz,
  consecutive_failures int not null default 0 check (consecutive_failures >= 0),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((status = 'disabled') = (disabled_reason is not null)),
  check ((failing_since is null) = (consecutive_failures = 0))
);
create index webhook_endpoints_enabled on webhook_endpoints (organization_id, workspace_id) where status = 'enabled';

-- In a table of their own, so that reading an endpoint never reads a secret. In clear: they sign.
create table webhook_secrets (
  organization_id uuid not null,
  workspace_id uuid not null,
  endpoint_id uuid not null,
  number int not null,
  secret text not null,
  valid_until timestamptz, -- null: the current one
  created_at timestamptz not null default now(),
  primary key (workspace_id, endpoint_id, number),
  foreign key (workspace_id, endpoint_id) references webhook_endpoints (workspace_id, id) on delete cascade
);
create unique index webhook_secrets_current on webhook_secrets (workspace_id, endpoint_id) where valid_until is null;

-- One event on its way to one endpoint.
create table deliveries (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  event_seq bigint not null,
  type text not null,
  body text not null check (octet_length(body) <= 20000), -- written once, sent byte for byte in every attempt
  status text not null default 'pending' check (status in ('pending', 'delivered', 'exhausted')),
  attempt_count int not null default 0 check (attempt_count >= 0), -- numbers given out, also to attempts that were cut off
  schedule_step int not null default 0 check (schedule_step >= 0), -- failures since the schedule was begun
  interruption_count int not null default 0 check (interruption_count >= 0), -- attempts of the schedule without an outcome
  next_attempt_at timestamptz,
  manual_attempt_at timestamptz, -- somebody asked for an attempt beside the schedule, in any status
  due_at timestamptz generated always as (least(next_attempt_at, manual_attempt_at)) stored,
  claimed_until timestamptz, -- an attempt is being made
  claimed_trigger text check (claimed_trigger in ('automatic', 'manual')),
  claimed_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, endpoint_id, event_id),
  foreign key (workspace_id, endpoint_id) references webhook_endpoints (workspace_id, id) on delete cascade,
  check ((status = 'pending') = (next_attempt_at is not null)),
  check ((claimed_until is null) = (claimed_trigger is null)),
  check ((claimed_until is null) = (claimed_at is null))
);
create index deliveries_by_endpoint on deliveries (workspace_id, endpoint_id, id);
create index deliveries_due on deliveries (organization_id, due_at, id) where due_at is not null;
create index deliveries_by_age on deliveries (organization_id, created_at) where status <> 'pending';

create table delivery_attempts (
  organization_id uuid not null,
  workspace_id uuid not null,
  delivery_id uuid not null,
  number int not null check (number > 0),
  trigger text not null check (trigger in ('automatic', 'manual')),
  at timestamptz not null,
  duration_ms int, -- null: cut off before its outcome was known
  status int,
  error_class text, -- null: it succeeded
  response text check (octet_length(response) <= 20480),
  response_truncated boolean not null default false,
  next_attempt_at timestamptz,
  primary key (workspace_id, delivery_id, number),
  foreign key (workspace_id, delivery_id) references deliveries (workspace_id, id) on delete cascade
);

-- Work that was given up and waits for somebody to decide. Each kind points to its own table.
create table dead_letters (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  kind text not null check (kind in ('webhook')),
  delivery_id uuid,
  reason text not null check (reason in ('attempts', 'timeout', 'permanent', 'poison', 'manual')),
  status text not null default 'open' check (status in ('open', 'replayed', 'discarded')),
  summary jsonb not null,
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolved_by text,
  primary key (workspace_id, id),
  foreign key (workspace_id, delivery_id) references deliveries (workspace_id, id) on delete cascade,
  check ((kind = 'webhook') = (delivery_id is not null)),
  check ((status = 'open') = (resolved_at is null)),
  check ((status = 'open') = (resolved_by is null))
);
create unique index dead_letters_open_delivery on dead_letters (workspace_id, delivery_id) where status = 'open';
create index dead_letters_by_delivery on dead_letters (workspace_id, delivery_id);
create index dead_letters_by_status on dead_letters (workspace_id, status, id);
create index dead_letters_open on dead_letters (organization_id, id) where status = 'open';
