-- What rules look at, as it is now.

-- What rules ask about tasks beside their rows: how their attempts fared, and who has them, or had them last.
create or replace function watched_tasks(p_workspace uuid, p_tasks uuid[])
returns table (task_id uuid, failures int, last_failed_at timestamptz, last_kind text, assignee_name text,
               agent_id uuid, agent_name text, agent_role text, agent_level text, agent_capabilities jsonb, agent_provider text,
               agent_enabled boolean, agent_state text, agent_health text, agent_seen_at timestamptz)
language sql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select t.id, f.failures, f.last_failed_at, l.kind, s.name,
         a.id, a.name, a.role, a.level, a.capabilities, a.provider, a.enabled, p.state, p.health, p.last_seen_at
    from unnest(p_tasks) as i(id)
   cross join lateral (select x.id, x.lease_agent_id, x.assignee_id from tasks x
                        where x.workspace_id = p_workspace and x.id = i.id offset 0) t
   cross join lateral (
     select (count(*) filter (where is_failure(y.kind)))::int as failures, max(y.ended_at) filter (where is_failure(y.kind)) as last_failed_at
       from task_attempts y where y.workspace_id = p_workspace and y.task_id = t.id) f
    left join lateral (
     select y.kind, y.agent_id from task_attempts y
      where y.workspace_id = p_workspace and y.task_id = t.id order by y.fence desc limit 1) l on true
    left join agents a on a.id = coalesce(t.lease_agent_id, l.agent_id, t.assignee_id)
    left join agent_presence p on p.agent_id = a.id
    left join agents s on s.id = t.assignee_id
$$;

-- Whether an attempt that ended this way counts as a failure: what was given back, cancelled or put off does not.
create or replace function is_failure(p_kind text) returns boolean language sql immutable as $$
  select coalesce(p_kind in ('transient', 'permanent', 'timeout', 'abandoned', 'stalled'), false)
$$;

-- How agents fare. p_agents  ids; null: every agent that is enabled and was ever seen, beyond p_after, at most p_limit
create or replace function watched_agents(p_organization uuid, p_agents uuid[], p_after uuid, p_limit int)
returns table (agent_id uuid, agent_name text, agent_role text, agent_level text, agent_capabilities jsonb, agent_provider text,
               agent_enabled boolean, agent_state text, agent_health text, agent_seen_at timestamptz)
language sql stable as $$
  select a.id, a.name, a.role, a.level, a.capabilities, a.provider, a.enabled, p.state, p.health, p.last_seen_at
    from agents a left join agent_presence p on p.agent_id = a.id
   where a.organization_id = p_organization
     and (p_agents is null and a.enabled and p.last_seen_at is not null and (p_after is null or a.id > p_after)
          or a.id = any(p_agents))
   order by a.id limit p_limit
$$;

-- Budgets that bind the workspace, with how much of the present window's limit is spent or held.
create or replace function watched_budgets(p_organization uuid, p_workspace uuid, p_budgets uuid[])
returns table (id uuid, name text, agent_id uuid, agent_name text, consumed_percent float8, now timestamptz)
language sql stable as $$
  select b.id, b.name, b.agent_id, a.name,
         case when b.limit_nano > 0 then 100.0 * coalesce(u.spent_nano + u.held_nano, 0) / b.limit_nano
              when coalesce(u.spent_nano + u.held_nano, 0) > 0 then 100 else 0 end::float8, now()
    from budgets b
   cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) w
    left join budget_windows u on u.budget_id = b.id and u.window_start = w.window_start
    left join agents a on a.id = b.agent_id
   where b.organization_id = p_organization and b.deleted_at is null and (b.workspace_id is null or b.workspace_id = p_workspace)
     and (p_budgets is null or b.id = any(p_budgets))
   order by b.id
$$;
