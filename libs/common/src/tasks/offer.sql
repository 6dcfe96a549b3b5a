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
--   2. For the first able ones a claim is made, in the order in which everybody locks several agents.
--
-- p_offers  [{agent, lease, actor, capabilities?}] in the order of preference; an agent may stand there several times
-- Returns   a row for each offer that was looked at, by its place from 1: verdict, idle and task as claim_task answers them
create or replace function offer_tasks(p_organization uuid, p_workspace uuid, p_offers jsonb, p_most int)
returns table (n int, verdict text, idle boolean, task tasks) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_claim record;
  v_assignees uuid[];
  v_demands jsonb[];
  v_known jsonb := '{}'; -- capabilities -> whether they suffice for something that is reserved for nobody
  v_is_able boolean;
  v_chosen int[] := '{}';
begin
  perform enter_tenant(p_organization, null);
  select array_agg(d.assignee_id), array_agg(d.required_capabilities) into v_assignees, v_demands from open_demands(p_workspace) d;
  if v_demands is null then
    return query select 1, 'none', true, null::tasks;
    return;
  end if;
  for v in
    select o.n, a.id, case when o.value -> 'capabilities' is null or o.value -> 'capabilities' = 'null' then a.capabilities
                           else narrow_capabilities(a.capabilities, o.value -> 'capabilities') end as capabilities
      from jsonb_array_elements(p_offers) with ordinality as o(value, n)
     cross join lateral (select x.id, x.capabilities from agents x where x.id = (o.value ->> 'agent')::uuid offset 0) a
     order by o.n
  loop
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
    select c.n, (o.value ->> 'agent')::uuid as agent, (o.value ->> 'lease')::uuid as lease, o.value ->> 'actor' as actor,
           nullif(o.value -> 'capabilities', 'null') as capabilities
      from unnest(v_chosen) c(n) cross join lateral (select p_offers -> (c.n - 1) as value) o
     order by agent, c.n
  loop
    select * into v_claim from claim_task(p_organization, p_workspace, v.agent, v.lease, false, v.actor, v.capabilities);
    n := v.n;
    verdict := v_claim.verdict;
    idle := v_claim.idle;
    task := v_claim.task;
    return next;
    exit when idle;
  end loop;
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
