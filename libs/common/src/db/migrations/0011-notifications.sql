-- Who is told of what, by which channel, and how that went.

-- Places outside that a workspace tells things to: a Slack channel, a mailbox.
create table channels (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  name text not null check (char_length(name) between 1 and 200),
  kind text not null check (kind in ('slack', 'email')),
  address text, -- of an email channel
  events text[] not null check (cardinality(events) > 0), -- patterns: `*`, `budget.*`, `budget.frozen`
  status text not null default 'enabled' check (status in ('enabled', 'disabled')),
  disabled_reason text check (disabled_reason in ('by_user', 'unsubscribed')),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, name),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((kind = 'email') = (address is not null)),
  check ((status = 'disabled') = (disabled_reason is not null))
);
create index channels_enabled on channels (organization_id, workspace_id) where status = 'enabled';

-- In a table of their own, so that reading a channel never reads them. The address of a Slack channel is a secret too.
create table channel_secrets (
  organization_id uuid not null,
  workspace_id uuid not null,
  channel_id uuid not null,
  url text not null,
  signing_secret text, -- null: its messages have no buttons
  primary key (workspace_id, channel_id),
  foreign key (workspace_id, channel_id) references channels (workspace_id, id) on delete cascade
);

create table notification_preferences (
  organization_id uuid not null,
  workspace_id uuid not null,
  member_id uuid not null,
  rules jsonb not null default '[]' check (jsonb_typeof(rules) = 'array'), -- {event, channels?, muted?, digestSeconds?}
  quiet_hours jsonb, -- {from, to, timezone}; null: none
  version int not null default 1,
  updated_at timestamptz not null default now(),
  primary key (workspace_id, member_id),
  foreign key (workspace_id, member_id) references members (workspace_id, id) on delete cascade
);

-- Signs the links by which a mail can be unsubscribed from.
create table unsubscribe_keys (
  organization_id uuid primary key references organizations (id),
  secret text not null
);

-- One message to one recipient by one channel.
create table notifications (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  event_id uuid, -- null: a digest of several events, or the editing of a message that was answered
  event_type text not null,
  channel text not null check (channel in ('slack', 'email', 'inbox', 'agent')),
  member_id uuid,
  agent_id uuid,
  channel_id uuid,
  recipient_id uuid not null generated always as (coalesce(member_id, agent_id, channel_id)) stored,
  title text not null check (char_length(title) <= 300),
  text text not null check (char_length(text) <= 8000),
  subject text not null, -- of the event: `<kind>:<id>`
  refs jsonb not null default '{}', -- ids that the event names
  critical boolean not null default false,
  reply_url text, -- the message that it replaces
  digest_key text,
  digest_open boolean not null default false, -- further events still join it
  status text not null default 'queued' check (status in ('queued', 'attempted', 'delivered', 'failed', 'poisoned')),
  attempt_count int not null default 0 check (attempt_count >= 0), -- numbers given out, also to attempts that were cut off
  schedule_step int not null default 0 check (schedule_step >= 0), -- failures since the schedule was begun
  interruption_count int not null default 0 check (interruption_count >= 0), -- attempts in a row without an outcome
  last_error text check (char_length(last_error) <= 1000),
  next_attempt_at timestamptz, -- for an agent: when it is given up if nobody has taken it
  claimed_until timestamptz, -- an attempt is being made
  claimed_at timestamptz,
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  read_at timestamptz,
  archived_at timestamptz,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (workspace_id, member_id) references members (workspace_id, id) on delete cascade,
  foreign key (workspace_id, channel_id) references channels (workspace_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id),
  check (num_nonnulls(member_id, agent_id, channel_id) = 1),
  check ((channel = 'agent') = (agent_id is not null)),
  check (channel <> 'inbox' or member_id is not null),
  check (channel <> 'slack' or channel_id is not null),
  check ((status in ('queued', 'attempted')) = (next_attempt_at is not null)),
  check ((status = 'delivered') = (delivered_at is not null)),
  check ((claimed_until is null) = (claimed_at is null)),
  check (claimed_until is null or status = 'attempted'),
  check (not digest_open or (status = 'queued' and digest_key is not null)),
  check (digest_key is null or event_id is null)
);
create unique index notifications_once on notifications (workspace_id, event_id, channel, recipient_id);
create unique index notifications_open_digest on notifications (workspace_id, recipient_id, channel, digest_key) where digest_open;
create index notifications_due on notifications (organization_id, next_attempt_at, id) where next_attempt_at is not null;
create index notifications_by_status on notifications (workspace_id, status, id);
create index notifications_inbox on notifications (workspace_id, recipient_id, id) where channel in ('inbox', 'agent');
create index notifications_by_channel on notifications (workspace_id, channel_id) where channel_id is not null;
create index notifications_by_agent on notifications (organization_id, agent_id) where agent_id is not null;
create index notifications_by_age on notifications (organization_id, created_at) where next_attempt_at is null;

-- An agent that is connected hears of it at once, whatever gateway it is connected to.
create function tell_agent_notified() returns trigger language plpgsql as $$
begin
  perform pg_notify('houston_agent_notified', new.agent_id::text);
  return null;
end $$;
create trigger notifications_tell_agent after insert on notifications for each row
  when (new.channel = 'agent') execute function tell_agent_notified();

-- What a digest is made of.
create table notification_items (
  organization_id uuid not null,
  workspace_id uuid not null,
  notification_id uuid not null,
  event_id uuid not null,
  event_seq bigint not null,
  title text not null check (char_length(title) <= 300),
  text text not null check (char_length(text) <= 8000),
  primary key (workspace_id, notification_id, event_id),
  foreign key (workspace_id, notification_id) references notifications (workspace_id, id) on delete cascade
);

create table notification_attempts (
  organization_id uuid not null,
  workspace_id uuid not null,
  notification_id uuid not null,
  number int not null check (number > 0),
  at timestamptz not null,
  duration_ms int, -- null: cut off before its outcome was known
  status int, -- of HTTP or SMTP
  error_class text, -- null: it succeeded
  response text check (octet_length(response) <= 20480),
  next_attempt_at timestamptz,
  primary key (workspace_id, notification_id, number),
  foreign key (workspace_id, notification_id) references notifications (workspace_id, id) on delete cascade
);

alter table dead_letters
  add column notification_id uuid,
  drop constraint dead_letters_kind_check,
  add constraint dead_letters_kind_check check (kind in ('webhook', 'task', 'notification')),
  add constraint dead_letters_notification check ((kind = 'notification') = (notification_id is not null)),
  add foreign key (workspace_id, notification_id) references notifications (workspace_id, id) on delete cascade;
create unique index dead_letters_open_notification on dead_letters (workspace_id, notification_id) where status = 'open';
create index dead_letters_by_notification on dead_letters (workspace_id, notification_id) where notification_id is not null;
