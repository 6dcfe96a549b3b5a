-- How an agent has fared of late in a workspace: its last 200 attempts there, but for those that say nothing about it. Nothing
-- where p_wanted is false.
create or replace function agent_history(p_workspace uuid, p_agent uuid, p_wanted boolean, out attempts int, out successes int, out median_seconds float8)
language sql stable as $$
  select count(*)::int, count(*) filter (where x.kind = 'succeeded')::int,
         percentile_cont(0.5) within group (order by extract(epoch from x.ended_at - x.started_at)) filter (where x.kind = 'succeeded')
    from (select y.kind, y.started_at, y.ended_at from task_attempts y
           where p_wanted and y.workspace_id = p_workspace and y.agent_id = p_agent and y.ended_at is not null
           order by y.ended_at desc limit 200) x
   where x.kind not in ('released', 'unacknowledged', 'quota', 'budget', 'cancelled')
$$;

-- Who could do a task, and why not right now. For people and for ranking; claims do not go this way.
--
-- meets    what it is able to do covers what the task asks for
-- refusal  paused | at_capacity | quota, or null: it would be given work. Of an agent that is connected by sockets also what
--          keeps these from being offered anything: all have as much as they said they can take, or left an offer unanswered
-- until    when the refusal ends by itself
--
-- p_history  count the agent's last 200 attempts in the workspace, too
create or replace function task_candidate_agents(p_workspace uuid, p_task uuid, p_history boolean)
returns table (id uuid, name text, level text, capabilities jsonb, meets boolean, refusal text, until timestamptz, connected boolean,
               degraded_reason text, load int, max_concurrent int, cost_per_task_nano bigint, attempts int, successes int, median_seconds float8)
language sql stable as $$
  select a.id, a.name, a.level, a.capabilities, meets_capabilities(a.capabilities, t.required_capabilities), coalesce(r.refusal, c.refusal),
         case coalesce(r.refusal, c.refusal)
           when 'quota' then parked_until(a, p_workspace)
           when 'paused' then case when a.enabled and a.lifecycle <> 'deprecated' and a.paused_at is null and a.draining_at is null
                                   then agent_available_from(a.availability, a.timezone, greatest(now(), s.degraded_until, c.rests_until)) end
         end,
         is_fresh_sign(s.last_seen_at, s.left_at), s.degraded_reason, w.load, a.max_concurrent,
         a.cost_per_task_nano, h.attempts, h.successes, h.median_seconds
    from tasks t
    join agents a on a.organization_id = t.organization_id
     and case when t.assignee_id is null then a.enabled and a.lifecycle <> 'deprecated' else a.id = t.assignee_id end
    left join agent_presence s on s.agent_id = a.id
   cross join lateral (select refusal_of_agent(a, p_workspace) as refusal) r
   cross join lateral (
     select count(*)::int as load from tasks o where o.organization_id = a.organization_id and o.lease_agent_id = a.id) w
   cross join lateral (
     select case when w.load >= sum(coalesce(x.max_concurrent, a.max_concurrent)) then 'at_capacity'
                 when bool_and(rest_of_session(x) > now()) then 'paused' end as refusal,
            case when bool_and(rest_of_session(x) > now()) then min(rest_of_session(x)) end as rests_until
       from agent_sessions x
      where x.organization_id = a.organization_id and x.agent_id = a.id and x.workspace_id = p_workspace
        and x.last_seen_at > now() - agent_silence()
        and (x.capabilities is null or meets_capabilities(narrow_capabilities(a.capabilities, x.capabilities), t.required_capabilities))) c
   cross join lateral agent_history(p_workspace, a.id, p_history) h
   where t.workspace_id = p_workspace and t.id = p_task
   order by a.id
   limit 1000
$$;
