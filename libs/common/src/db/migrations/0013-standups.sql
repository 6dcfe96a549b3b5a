-- What a workspace did within a day, told to whoever wants to hear it.

create table standups (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  origin text not null check (origin in ('clock', 'manual')),
  tick_at timestamptz, -- when it was due by the clock
  from_at timestamptz not null,
  to_at timestamptz not null,
  sections jsonb not null,
  totals jsonb not null,
  title text not null,
  text text not null, -- plain
  markdown text not null,
  slack jsonb not null,
  -- waiting: the sender is switched off; superseded: a later one was made before it was on again
  status text not null check (status in ('waiting', 'sent', 'superseded')),
  created_by text not null,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((origin = 'clock') = (tick_at is not null)),
  check ((status = 'sent') = (sent_at is not null)),
  check (from_at < to_at)
);
-- However many schedulers there are, each tick is one stand-up.
create unique index standups_once on standups (workspace_id, tick_at) where tick_at is not null;
create unique index standups_waiting on standups (workspace_id) where status = 'waiting';
create index standups_by_age on standups (workspace_id, created_at, id);

-- When each workspace is due. Made with the workspace, and looked at again whenever its settings change.
create table standup_clocks (
  organization_id uuid not null,
  workspace_id uuid primary key,
  cadence text, -- what next_tick_at was derived from: expression and zone; null: nothing yet, or no stand-ups
  next_tick_at timestamptz,
  look_at timestamptz default now(), -- null: nothing happens before the settings change
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((cadence is null) = (next_tick_at is null)),
  check (next_tick_at is null or look_at is not null)
) with (fillfactor = 70);
create index standup_clocks_due on standup_clocks (organization_id, look_at) where look_at is not null;

create function wind_standup_clock() returns trigger language plpgsql as $$
begin
  insert into standup_clocks (organization_id, workspace_id) values (new.organization_id, new.id)
  on conflict (workspace_id) do update set look_at = least(now(), standup_clocks.look_at);
  return null;
end $$;
create trigger workspaces_wind_clock after insert on workspaces for each row execute function wind_standup_clock();
create trigger workspaces_wind_clock_again after update of settings, timezone on workspaces for each row
  when (old.timezone <> new.timezone or old.settings -> 'standup' is distinct from new.settings -> 'standup'
        or old.settings -> 'features' is distinct from new.settings -> 'features')
  execute function wind_standup_clock();

-- The wall would hide the workspaces from their own table's owner.
alter table workspaces no force row level security;
insert into standup_clocks (organization_id, workspace_id) select organization_id, id from workspaces;
alter table workspaces force row level security;
