-- How long a task may take, and who is told, or what is done, when something waits too long.

-- The service level of a task counts from its creation. Its columns are kept by a trigger, so that no way of changing a task
-- forgets them.
alter table tasks
  add column slo_breach_at timestamptz, -- when the service level is missed, until that has been told
  add column slo_breached_at timestamptz,
  add column approval_since timestamptz; -- since when it waits for an approval
create index tasks_slo_due on tasks (organization_id, slo_breach_at, id) where slo_breach_at is not null;

create function keep_task_clocks() returns trigger language plpgsql as $$
declare
  v_tier text;
begin
  if new.slo_seconds is null and new.sla_tier is not null then
    select coalesce(settings -> 'sloTiers', default_slo_tiers()) ->> new.sla_tier into v_tier
      from workspaces where id = new.workspace_id;
    new.slo_seconds := v_tier::int;
  end if;
  if tg_op = 'UPDATE' and new.slo_seconds is distinct from old.slo_seconds then
    new.slo_breached_at := null;
  end if;
  new.slo_breach_at := new.created_at + make_interval(secs => new.slo_seconds);
  -- What ends late before anybody has told so is told all the same.
  if new.slo_breached_at is not null or new.status in ('done', 'failed', 'cancelled') and new.slo_breach_at > coalesce(new.ended_at, now()) then
    new.slo_breach_at := null;
  end if;
  new.approval_since := case
    when new.approval_id is null then null
    when tg_op = 'UPDATE' and old.approval_id is not distinct from new.approval_id then coalesce(old.approval_since, now())
    else now() end;
  return new;
end $$;
-- Names and seconds of the service levels of a workspace that has none of its own.
create function default_slo_tiers() returns jsonb language sql immutable as $$
  select '{"urgent": 3600, "high": 14400, "normal": 86400, "low": 604800}'::jsonb
$$;
create trigger tasks_keep_clocks_of_new before insert on tasks for each row
  when (new.slo_seconds is not null or new.sla_tier is not null or new.approval_id is not null)
  execute function keep_task_clocks();
create trigger tasks_keep_clocks before update of slo_seconds, sla_tier, status, approval_id on tasks for each row
  when (new.slo_seconds is not null or old.slo_seconds is not null or new.sla_tier is not null
        or new.approval_id is distinct from old.approval_id)
  execute function keep_task_clocks();

-- When something is worth telling. A rule belongs to a workspace and looks at its tasks, at the agents, or at the budgets.
create table escalation_rules (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  name text not null check (char_length(name) between 1 and 200),
  match jsonb not null default '{}' check (jsonb_typeof(match) = 'object'), -- {priority?, status?, capability?, tag?, agent?}: lists
  trigger text not null check (trigger in
    ('timeInStatus', 'sloConsumed', 'failedAttempts', 'errorPattern', 'approvalPending', 'agentSilent', 'budgetConsumed')),
  threshold float8 check (threshold >= 0), -- seconds, percent or a count
  pattern text check (char_length(pattern) between 1 and 1000), -- RE2
  condition text check (char_length(condition) between 1 and 2000), -- CEL
  actions jsonb not null check (jsonb_typeof(actions) = 'array'),
  levels jsonb not null default '[]' check (jsonb_typeof(levels) = 'array'), -- [{actions}]: the first firing, the second ...
  cooldown_seconds int not null check (cooldown_seconds between 1 and 31536000),
  max_depth int not null check (max_depth between 1 and 10),
  enabled boolean not null default true,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check ((trigger = 'errorPattern') = (pattern is not null)),
  check ((trigger = 'errorPattern') = (threshold is null))
);
create index escalation_rules_by_name on escalation_rules (workspace_id, name, id);

-- What a rule has its eye on: exists while the rule holds for the subject or will hold by time alone. due_at is when to look.
create table escalation_watches (
  organization_id uuid not null,
  workspace_id uuid not null,
  rule_id uuid not null,
  subject_id uuid not null, -- a task, an agent or a budget, as the rule's trigger says
  depth int not null default 0 check (depth >= 0), -- firings since it began to hold
  due_at timestamptz not null,
  cooldown_until timestamptz, -- nothing fires before
  primary key (workspace_id, rule_id, subject_id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  foreign key (workspace_id, rule_id) references escalation_rules (workspace_id, id) on delete cascade
) with (fillfactor = 70);
create index escalation_watches_due on escalation_watches (organization_id, due_at);
create index escalation_watches_by_subject on escalation_watches (workspace_id, subject_id);

-- Something happened to a subject, or to a rule: whoever watches looks at it next.
create table escalation_marks (
  organization_id uuid not null,
  workspace_id uuid not null,
  kind text not null check (kind in ('task', 'agent', 'budgets', 'rule')),
  subject_id uuid not null, -- of `budgets` the workspace
  after_id uuid, -- of `rule`: subjects up to this one have been looked at
  marked_at timestamptz not null default now(),
  primary key (workspace_id, kind, subject_id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade
);
create index escalation_marks_due on escalation_marks (organization_id, marked_at);

-- Each firing of a rule.
create table escalations (
  organization_id uuid not null,
  workspace_id uuid not null,
  id uuid not null,
  rule_id uuid not null, -- also of a rule that is gone
  rule_name text not null,
  subject_kind text not null check (subject_kind in ('task', 'agent', 'budget')),
  subject_id uuid not null,
  level int not null check (level >= 1),
  reason text not null,
  actions jsonb not null, -- [{type, done, detail?}]
  since timestamptz not null, -- when it was due
  raised_at timestamptz not null default now(),
  status text not null default 'open' check (status in ('open', 'acknowledged', 'resolved')),
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at timestamptz,
  resolved_by text,
  resolution text,
  primary key (workspace_id, id),
  foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade,
  check (status <> 'acknowledged' or acknowledged_at is not null),
  check ((status = 'resolved') = (resolved_at is not null)),
  check ((acknowledged_at is null) = (acknowledged_by is null)),
  check ((resolved_at is null) = (resolved_by is null))
);
create unique index escalations_once on escalations (workspace_id, rule_id, subject_id, level) where status <> 'resolved';
create index escalations_by_time on escalations (workspace_id, raised_at, id);
create index escalations_by_subject on escalations (workspace_id, subject_id, raised_at);
create index escalations_by_rule on escalations (workspace_id, rule_id, raised_at);

-- Rules that every workspace begins with.
create function seed_escalation_rules(p_organization uuid, p_workspace uuid) returns void language sql as $$
  insert into escalation_rules (organization_id, workspace_id, id, name, match, trigger, threshold, actions, cooldown_seconds,
                                max_depth, created_by)
  select p_organization, p_workspace, gen_random_uuid(), r.name, r.match::jsonb, r.trigger, r.threshold, '[{"type": "notify"}]', 3600,
         3, 'system'
    from (values
      ('In progress for more than 2 hours', '{"status": ["in_progress"]}', 'timeInStatus', 7200),
      ('Blocked for more than 30 minutes', '{"status": ["blocked"]}', 'timeInStatus', 1800),
      ('Three quarters of the service level used up', '{}', 'sloConsumed', 75),
      ('Urgent and in review for more than an hour', '{"priority": ["urgent"], "status": ["review"]}', 'timeInStatus', 3600),
      ('Three failed attempts or more', '{}', 'failedAttempts', 3)) as r(name, match, trigger, threshold)
$$;
create function seed_new_workspace() returns trigger language plpgsql as $$
begin
  perform seed_escalation_rules(new.organization_id, new.id);
  return null;
end $$;
create trigger workspaces_seed_escalation_rules after insert on workspaces for each row execute function seed_new_workspace();

-- The walls would hide the rows from their own tables' owner.
alter table workspaces no force row level security;
alter table tasks no force row level security;
select seed_escalation_rules(organization_id, id) from workspaces;
update tasks set slo_seconds = slo_seconds
 where (slo_seconds is not null or sla_tier is not null) and status in ('inbox', 'assigned', 'in_progress', 'blocked', 'review');
-- What is already there is looked at like what is changed from now on.
insert into escalation_marks (organization_id, workspace_id, kind, subject_id)
select organization_id, workspace_id, 'rule', id from escalation_rules;
alter table workspaces force row level security;
alter table tasks force row level security;
