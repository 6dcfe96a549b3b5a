-- What agents and people say to each other, and what they write down. An author is {agent | member | key: id, name}, the
-- name as it was then.

create table message_templates (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  name text not null check (char_length(name) between 1 and 100),
  type text not null check (type in ('info', 'request', 'alert', 'handoff')),
  priority text not null check (priority in ('urgent', 'high', 'normal', 'low')),
  subject text check (char_length(subject) between 1 and 500),
  body text not null check (char_length(body) between 1 and 65536), -- with {{placeholders}}
  requires_ack boolean not null default false,
  ack_within_seconds int check (ack_within_seconds > 0),
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  unique (workspace_id, name),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check (ack_within_seconds is null or requires_ack)
);

-- Direct messages. They are forgotten when they expire; their events stay.
create table agent_messages (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  agent_id uuid not null, -- the recipient
  sender jsonb not null,
  sender_agent_id uuid, -- the sender, if it is an agent
  type text not null check (type in ('info', 'request', 'alert', 'handoff')),
  priority text not null check (priority in ('urgent', 'high', 'normal', 'low')),
  subject text check (char_length(subject) between 1 and 500),
  body text not null check (char_length(body) between 1 and 65536),
  task_id uuid,
  reply_to uuid, -- a message of the workspace; it may have expired meanwhile
  template text, -- the name of the one it was made from
  requires_ack boolean not null,
  ack_within_seconds int check (ack_within_seconds > 0),
  ack_due_at timestamptz, -- when its silence is told; null: nobody waits, or it was told
  read_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  response text check (char_length(response) <= 65536),
  escalated_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id),
  foreign key (organization_id, sender_agent_id) references agents (organization_id, id),
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  check (requires_ack or ack_within_seconds is null),
  constraint agent_messages_never_wait_in_silence check (
    (ack_due_at is not null) = (requires_ack and acknowledged_at is null and escalated_at is null)),
  check ((acknowledged_at is null) = (acknowledged_by is null)),
  check (acknowledged_at is not null or response is null),
  check (acknowledged_at is null or read_at is not null)
) with (fillfactor = 80);
create index agent_messages_by_recipient on agent_messages (workspace_id, agent_id, created_at, id);
create index agent_messages_unread on agent_messages (workspace_id, agent_id, created_at, id) where read_at is null;
create index agent_messages_unacknowledged on agent_messages (workspace_id, agent_id, created_at, id)
  where requires_ack and acknowledged_at is null;
create index agent_messages_by_sender on agent_messages (workspace_id, sender_agent_id, created_at) where sender_agent_id is not null;
create index agent_messages_by_task on agent_messages (workspace_id, task_id) where task_id is not null;
create index agent_messages_due on agent_messages (organization_id, ack_due_at) where ack_due_at is not null;
create index agent_messages_by_expiry on agent_messages (organization_id, expires_at) where ack_due_at is null;

create table documents (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  task_id uuid,
  type text not null check (type in ('deliverable', 'research', 'protocol', 'note', 'summary')),
  title text not null check (char_length(title) between 1 and 500),
  version int not null default 1 check (version between 1 and 1000),
  author jsonb not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade
);
create index documents_by_age on documents (workspace_id, created_at, id);
create index documents_by_task on documents (workspace_id, task_id, created_at, id) where task_id is not null;

-- Every version as it was written, the present one too.
create table document_versions (
  organization_id uuid not null,
  workspace_id uuid not null,
  document_id uuid not null,
  version int not null,
  type text not null,
  title text not null,
  body text not null check (octet_length(body) <= 1048576), -- Markdown
  author jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace_id, document_id, version),
  foreign key (workspace_id, document_id) references documents (workspace_id, id) on delete cascade
);

-- The thread of a task.
create table task_messages (
  organization_id uuid not null,
  workspace_id uuid not null,
  task_id uuid not null,
  id uuid not null,
  author jsonb not null,
  body text not null check (char_length(body) between 1 and 65536),
  reply_to uuid,
  attachments uuid[] not null default '{}' check (cardinality(attachments) <= 20), -- documents; they are never deleted alone
  mentions jsonb not null default '[]', -- [{agent | member: id, name}]
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace_id, id),
  unique (workspace_id, task_id, id),
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  foreign key (workspace_id, task_id, reply_to) references task_messages (workspace_id, task_id, id)
);
create index task_messages_by_age on task_messages (workspace_id, task_id, created_at, id);

-- Who is told of what is said in the thread of a task.
create table subscriptions (
  organization_id uuid not null,
  workspace_id uuid not null,
  task_id uuid not null,
  agent_id uuid,
  member_id uuid,
  key_id uuid, -- a key that belongs to neither; it hears of nothing but by streams and webhooks
  subscriber uuid not null generated always as (coalesce(agent_id, member_id, key_id)) stored,
  reason text not null check (reason in ('assignment', 'post', 'mention', 'request')),
  created_at timestamptz not null default now(),
  primary key (workspace_id, task_id, subscriber),
  foreign key (workspace_id, task_id) references tasks (workspace_id, id) on delete cascade,
  foreign key (organization_id, agent_id) references agents (organization_id, id),
  foreign key (workspace_id, member_id) references members (workspace_id, id) on delete cascade,
  check (num_nonnulls(agent_id, member_id, key_id) = 1)
);
create index subscriptions_by_member on subscriptions (workspace_id, member_id) where member_id is not null;

-- What happened to a task, in the order of time. A column, because no index on an expression is used behind a wall; only
-- events about tasks stand in the index, those about money alone cost nothing.
alter table events add column task_id text generated always as (data ->> 'taskId') stored;
create index events_by_task on events (workspace_id, task_id, time, seq) where task_id is not null;

-- Whoever a task is given to follows its thread. A trigger, because there are many ways to give a task to somebody.
create function subscribe_assignee() returns trigger language plpgsql as $$
declare
  v_agent uuid := coalesce(new.lease_agent_id, new.assignee_id);
begin
  if (select coalesce((w.settings #>> '{features,autoSubscribe}')::boolean, true) from workspaces w where w.id = new.workspace_id) then
    insert into subscriptions (organization_id, workspace_id, task_id, agent_id, reason)
    values (new.organization_id, new.workspace_id, new.id, v_agent, 'assignment')
    on conflict do nothing;
  end if;
  return null;
end $$;
create trigger tasks_subscribe_new after insert on tasks for each row
  when (new.assignee_id is not null or new.lease_agent_id is not null) execute function subscribe_assignee();
create trigger tasks_subscribe after update of assignee_id, lease_agent_id on tasks for each row
  when (new.lease_agent_id is not null and new.lease_agent_id is distinct from old.lease_agent_id
        or new.assignee_id is not null and new.assignee_id is distinct from old.assignee_id)
  execute function subscribe_assignee();
