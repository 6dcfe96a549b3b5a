-- Offering tasks to connected agents, several at once.

-- What an instance has of its agent's capabilities: never more than is registered.
create or replace function narrow_capabilities(p_has jsonb, p_instance jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg(jsonb_build_object('name', h.name, 'level', least(coalesce(h.level, 5), coalesce(i.level, 5))) order by h.name), '[]')
    from jsonb_to_recordset(p_has) as h(name text, level int)
    join jsonb_to_recordset(p_instance) as i(name text, level int) on i.name = h.name
$$;

-- Claims tasks for the first p_most of these agents that are able to do something of what can be taken; each has to be
-- acknowledged within 10 s.
--
-- Protocol
--   1. The demands of all lanes are read once. Agents are held against them in the order given, those of the same capabilities
--      once; this locks nothing, and whoever is able to do nothing of it is told so.
--   2. For the first able ones tasks are picked, in the order in which everybody locks several agents; then their leases are
--      written, all at once. An agent that stands there again comes when its leases before are written, so that they count.
--
-- p_offers  [{agent, lease, actor, capabilities?}] in the order of preference; an agent may stand there several times
-- Returns   a row for each offer that was looked at, by its place from 1: verdict, idle and task as claim_task answers them
create or replace function offer_tasks(p_organization uuid, p_workspace uuid, p_offers jsonb, p_most int)
returns table (n int, verdict text, idle boolean, task tasks) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_picked record;
  v_assignees uuid[];
  v_demands jsonb[];
  v_known jsonb := '{}'; -- capabilities -> whether they suffice for something that is reserved for nobody
  v_is_able boolean;
  v_chosen int[] := '{}';
  v_turn bigint := 1;
  v_taken uuid[] := '{}';
  v_leases jsonb := '[]';
  v_seen uuid[] := '{}';
  v_actors text[] := '{}'; -- beside them
begin
  perform enter_tenant(p_organization, null);
  select array_agg(d.assignee_id), array_agg(d.required_capabilities) into v_assignees, v_demands from open_demands(p_workspace) d;
  if v_demands is null then
    return query select 1, 'none', true, null::tasks;
    return;
  end if;
  -- One after the other: sorted, all of them would be looked up for the first few.
  for v_place in 1 .. jsonb_array_length(p_offers) loop
    select v_place as n, a.id, case when o.narrow is null or o.narrow = 'null' then a.capabilities
                                    else narrow_capabilities(a.capabilities, o.narrow) end as capabilities
      into v
      from (select p_offers -> (v_place - 1) ->> 'agent' as agent, p_offers -> (v_place - 1) -> 'capabilities' as narrow) o,
           agents a
     where a.id = o.agent::uuid;
    continue when not found;
    v_is_able := (v_known ->> v.capabilities::text)::boolean;
    if v_is_able is null then
      v_is_able := exists (select from unnest(v_assignees, v_demands) as d(assignee, required)
                            where d.assignee is null and meets_capabilities(v.capabilities, d.required));
      v_known := v_known || jsonb_build_object(v.capabilities::text, v_is_able);
    end if;
    if v_is_able or exists (select from unnest(v_assignees, v_demands) as d(assignee, required)
                             where d.assignee = v.id and meets_capabilities(v.capabilities, d.required)) then
      v_chosen := v_chosen || v.n::int;
      exit when cardinality(v_chosen) >= p_most;
    else
      return query select v.n::int, 'none', false, null::tasks;
    end if;
  end loop;
  for v in
    select c.n, c.agent, (o.value ->> 'lease')::uuid as lease, o.value ->> 'actor' as actor,
           nullif(o.value -> 'capabilities', 'null') as capabilities, row_number() over (partition by c.agent order by c.n) as turn
      from (select x.n, (p_offers -> (x.n - 1) ->> 'agent')::uuid as agent from unnest(v_chosen) x(n)) c
     cross join lateral (select p_offers -> (c.n - 1) as value) o
     order by turn, agent
  loop
    if v.turn > v_turn then
      return query select * from give_leases(p_organization, p_workspace, v_leases);
      v_turn := v.turn;
      v_leases := '[]';
      v_taken := '{}';
    end if;
    select * into v_picked from pick_task(p_organization, p_workspace, v.agent, v.capabilities, v_taken);
    if v_picked.verdict = 'claimed' then
      v_taken := v_taken || v_picked.task_id;
      v_leases := v_leases || jsonb_build_object('n', v.n, 'task', v_picked.task_id, 'agent', v.agent, 'name', v_picked.agent_name,
                                                 'lease', v.lease, 'actor', v.actor);
    else
      return query select v.n, v_picked.verdict, v_picked.idle, null::tasks;
    end if;
    if v_picked.verdict <> 'unknown_agent' and v.agent <> all(v_seen) then
      v_seen := v_seen || v.agent;
      v_actors := v_actors || v.actor;
    end if;
    exit when v_picked.idle;
  end loop;
  return query select * from give_leases(p_organization, p_workspace, v_leases);
  -- All at once, in their order; then each in its own name.
  perform from agent_presence p where p.agent_id = any(v_seen) order by p.agent_id for update;
  for v in select o.actor, array_agg(o.agent order by o.agent) as agents
             from unnest(v_seen, v_actors) as o(agent, actor) group by o.actor order by o.actor
  loop
    perform note_agents(p_organization, v.agents, true, v.actor);
  end loop;
end $$;

-- Leases of picked tasks, by the place of their offers. p_leases  as for begin_leases, and n
create or replace function give_leases(p_organization uuid, p_workspace uuid, p_leases jsonb)
returns table (n int, verdict text, idle boolean, task tasks) language plpgsql as $$
#variable_conflict use_column
begin
  if p_leases <> '[]' then
    return query
    select (p_leases -> (b.place - 1) ->> 'n')::int, 'claimed', false, b.task
      from begin_leases(p_organization, p_workspace, false, p_leases) b;
  end if;
end $$;

-- What can be taken in a workspace asks for: one row for each lane.
create or replace function open_demands(p_workspace uuid) returns table (assignee_id uuid, required_capabilities jsonb) language sql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  with recursive lanes as (
    (select t.lane, t.assignee_id, t.required_capabilities from tasks t
      where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0 and t.approval_id is null
      order by t.lane limit 1)
    union all
    select n.lane, n.assignee_id, n.required_capabilities
      from lanes l
     cross join lateral (
       select t.lane, t.assignee_id, t.required_capabilities from tasks t
        where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0
          and t.approval_id is null and t.lane > l.lane
        order by t.lane limit 1) n
  )
  select assignee_id, required_capabilities from lanes
$$;
