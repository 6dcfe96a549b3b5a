-- The people of a workspace. Somebody who works in two workspaces is a member of each, with a role in each.
create table members (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  email text check (char_length(email) between 3 and 254), -- null: removed, and forgotten
  name text not null check (char_length(name) between 1 and 200),
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  status text not null default 'invited' check (status in ('invited', 'active', 'removed')),
  invitation_hash text, -- SHA-256 of what the invited present, hex
  invitation_expires_at timestamptz,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((status = 'removed') = (email is null)),
  check ((invitation_hash is null) = (invitation_expires_at is null)),
  check (status = 'invited' or invitation_hash is null)
);
create unique index members_by_email on members (workspace_id, lower(email)) where email is not null;
create index members_by_age on members (workspace_id, created_at, id) where status <> 'removed';

-- Whoever holds such a key is this member, and may do what both the key and the member may.
alter table api_keys
  add column member_id uuid,
  add foreign key (workspace_id, member_id) references members (workspace_id, id),
  add check (member_id is null or (workspace_id is not null and agent_id is null and role <> 'agent'));
create index api_keys_by_member on api_keys (workspace_id, member_id) where member_id is not null;
