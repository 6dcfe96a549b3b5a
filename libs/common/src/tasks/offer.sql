-- Offering tasks to connected agents, several at once.

-- What an instance has of its agent's capabilities: never more than is registered.
create or replace function narrow_capabilities(p_has jsonb, p_instance jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg(jsonb_build_object('name', h.name, 'level', least(coalesce(h.level, 5), coalesce(i.level, 5))) order by h.name), '[]')
    from jsonb_to_recordset(p_has) as h(name text, level int)
    join jsonb_to_recordset(p_instance) as i(name text, level int) on i.name = h.name
$$;

-- Claims tasks for the first of these agents that are able to do something of what can be taken, p_most at the most; each task
-- has to be acknowledged within 10 s.
--
-- Protocol
--   1. The demands of all lanes are read once, and agents held against them in the order given; this locks nothing, and whoever
--      is able to do nothing of it is told so. Where more tasks wait than agents are free, each is to take its share at once;
--      where fewer wait, no more agents are looked at than there are tasks.
--   2. Those agents are locked as a claim locks its agent, in the order in which everybody locks several; then it is seen how
--      much each of them may take.
--   3. Tasks are picked for all of them, and all leases are written.
--
-- p_offers  [{agent, actor, places, capabilities?}] in the order of preference; an agent may stand there several times
-- Returns   by the place of an offer from 1 and as claim_task answers: a row for each task that was given, and one for each
--           offer that got less than it was to get. An offer without a row was not looked at
create or replace function offer_tasks(p_organization uuid, p_workspace uuid, p_offers jsonb, p_most int)
returns table (n int, verdict text, idle boolean, task tasks) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_demands jsonb;
  v_able jsonb;
  v_takers jsonb;
  v_leases jsonb := '[]';
  v_short int[];
  v_is_idle boolean;
begin
  perform enter_tenant(p_organization, null);
  v_demands := (select jsonb_agg(to_jsonb(d)) from open_demands(p_workspace) d);
  if v_demands is null then
    return query select 1, 'none', true, null::tasks;
    return;
  end if;
  v_able := (select jsonb_agg(to_jsonb(a)) from able_takers(p_organization, p_workspace, p_offers, v_demands, p_most) a);
  return query select a.n, 'none', false, null::tasks from jsonb_to_recordset(v_able) as a(n int, lanes jsonb) where a.lanes is null;
  v_takers := (select jsonb_agg(to_jsonb(t) order by t.n) from lock_takers(p_organization, p_workspace, v_able) t);
  return query select t.n, t.verdict, false, null::tasks
                 from jsonb_to_recordset(v_takers) as t(n int, verdict text) where t.verdict is not null;
  select p.leases, p.short into v_leases, v_short from pick_tasks(p_workspace, v_takers) p;
  if cardinality(v_short) > 0 then
    v_is_idle := not exists (select from tasks t where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null
                                and t.open_dependencies = 0 and t.approval_id is null
                                and not v_leases @> jsonb_build_array(jsonb_build_object('task', t.id)));
    return query select s, 'none', v_is_idle, null::tasks from unnest(v_short) s;
  end if;
  if v_leases <> '[]' then
    return query select (v_leases -> (b.place - 1) ->> 'n')::int, 'claimed', false, b.task
                   from begin_leases(p_organization, p_workspace, false, v_leases) b;
  end if;
  -- All at once, in their order; then each in its own name.
  perform from agent_presence p where p.agent_id in (select t.agent from jsonb_to_recordset(v_takers) as t(agent uuid))
    order by p.agent_id for update;
  for v in select t.actor, array_agg(distinct t.agent order by t.agent) as agents
             from jsonb_to_recordset(v_takers) as t(agent uuid, actor text, verdict text)
            where t.verdict is distinct from 'unknown_agent' group by t.actor order by t.actor
  loop
    perform note_agents(p_organization, v.agents, true, v.actor);
  end loop;
end $$;

-- Holds agents against what lanes ask for, in the order of p_offers, until there are enough for p_most tasks, or for all that wait.
--
-- lanes   those that the agent is able to work in; null: none
-- places  how many tasks it is to take: its share, where more wait for such agents than agents are free
create or replace function able_takers(p_organization uuid, p_workspace uuid, p_offers jsonb, p_demands jsonb, p_most int)
returns table (n int, agent uuid, actor text, lanes jsonb, places int) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_key text; -- what is to be known of an agent
  v_known jsonb := '{}'; -- by key: {lanes, waiting}
  v_free int := jsonb_array_length(p_offers);
  v_enough int := 4 * jsonb_array_length(p_offers) + p_most; -- to know how many wait
  v_waiting int := 0;
  v_taken int := 0;
begin
  -- One after the other: sorted, all of them would be looked up for the first few.
  for v in
    select o.place, a.id, o.actor, o.places,
           case when coalesce(o.capabilities, 'null') = 'null' then a.capabilities
                else narrow_capabilities(a.capabilities, o.capabilities) end as capabilities
      from rows from (jsonb_to_recordset(p_offers) as (agent uuid, actor text, places int, capabilities jsonb))
           with ordinality as o(agent, actor, places, capabilities, place)
     cross join lateral (select x.id, x.capabilities from agents x where x.organization_id = p_organization and x.id = o.agent offset 0) a
  loop
    v_key := v.capabilities::text;
    if p_demands @> jsonb_build_array(jsonb_build_object('assignee_id', v.id)) then
      v_key := v.id || v_key;
    end if;
    if not v_known ? v_key then
      v_known := v_known || jsonb_build_object(v_key, (
        select jsonb_build_object('lanes', jsonb_agg(d.lane), 'waiting', sum(w.tasks))
          from jsonb_to_recordset(p_demands) as d(lane uuid, assignee_id uuid, required_capabilities jsonb)
         cross join lateral (
           select count(*) as tasks from (
             select from tasks t where t.workspace_id = p_workspace and t.lane = d.lane and t.status = 'inbox' and t.next_retry_at is null
                                   and t.open_dependencies = 0 and t.approval_id is null limit v_enough) x) w
         where (d.assignee_id is null or d.assignee_id = v.id) and meets_capabilities(v.capabilities, d.required_capabilities)));
      v_waiting := v_waiting + coalesce((v_known -> v_key ->> 'waiting')::int, 0);
    end if;
    n := v.place;
    agent := v.id;
    actor := v.actor;
    lanes := nullif(v_known -> v_key -> 'lanes', 'null');
    if lanes is null then
      places := 0;
    else
      places := least(v.places, greatest(1, (v_known -> v_key ->> 'waiting')::int / v_free), p_most - v_taken);
      v_taken := v_taken + places;
    end if;
    return next;
    exit when v_taken > 0 and v_taken >= least(p_most, v_waiting);
  end loop;
end $$;

-- Locks the agents of able takers, and sees how many tasks each may take of those that it is to take.
--
-- verdict  why it may take none at all
create or replace function lock_takers(p_organization uuid, p_workspace uuid, p_able jsonb)
returns table (n int, agent uuid, name text, actor text, lanes jsonb, verdict text, places int) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_agents uuid[] := array(select distinct t.agent from jsonb_to_recordset(p_able) as t(agent uuid, lanes jsonb)
                            where t.lanes is not null order by t.agent);
  v_room int;
begin
  perform pg_advisory_xact_lock(hashtextextended(a::text, 9)) from unnest(v_agents) a;
  -- Only now is it certain what each of them holds.
  for v in
    select t.*, r.name, r.refusal, r.places as room
      from jsonb_to_recordset(p_able) as t(n int, agent uuid, actor text, lanes jsonb, places int)
      left join rooms_of_agents(p_organization, p_workspace, v_agents) r on r.agent = t.agent
     where t.lanes is not null
     order by t.agent, t.n
  loop
    if v.agent is distinct from agent then
      v_room := v.room;
    end if;
    n := v.n;
    agent := v.agent;
    name := v.name;
    actor := v.actor;
    lanes := v.lanes;
    verdict := case when v.name is null then 'unknown_agent' when v.refusal is not null then v.refusal
                    when v_room <= 0 then 'at_capacity' end;
    places := case when verdict is null then least(v.places, v_room) else 0 end;
    v_room := v_room - places;
    return next;
  end loop;
end $$;

-- Locks tasks for takers, in the order of dispatch, skipping what others have locked; their leases are still to be written.
--
-- leases  as begin_leases takes them, each with the n of its taker
-- short   the n of takers for whom there were not enough
create or replace function pick_tasks(p_workspace uuid, p_takers jsonb, out leases jsonb, out short int[]) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_left int[] := array(select t.places from jsonb_to_recordset(p_takers) as t(n int, places int) order by t.n);
  v_wanted int := (select coalesce(sum(l), 0) from unnest(v_left) l);
  v_lanes uuid[] := array(select distinct l::uuid from jsonb_array_elements(p_takers) t, jsonb_array_elements_text(t -> 'lanes') l);
  v_width int := 16 + v_wanted;
  v_tried uuid[] := '{}';
  v_found record;
  v_matched int[];
  v_taker jsonb;
begin
  leases := '[]';
  while v_wanted > 0 loop
    select array_agg(c.id order by c.dispatch_at, c.id) as ids, array_agg(l.lane order by c.dispatch_at, c.id) as lanes
      into v_found
      from unnest(v_lanes) l(lane)
     cross join lateral (
       select t.id, t.dispatch_at from tasks t
        where t.workspace_id = p_workspace and t.lane = l.lane and t.status = 'inbox' and t.next_retry_at is null
          and t.open_dependencies = 0 and t.approval_id is null
        order by t.dispatch_at, t.id limit v_width) c
     where c.id <> all(v_tried);
    v_matched := match_tasks(p_takers, v_left, v_found.lanes);
    -- One by one by primary key: the planner would rather walk the lanes again than join to an array.
    for v in
      select m.id, m.taker, t.is_free
        from unnest(v_found.ids, v_found.lanes, v_matched) with ordinality as m(id, lane, taker, place)
       cross join lateral (
         select x.status = 'inbox' and x.next_retry_at is null and x.open_dependencies = 0 and x.approval_id is null
                and x.lane = m.lane and (x.expires_at is null or x.expires_at > now()) as is_free
           from tasks x where x.workspace_id = p_workspace and x.id = m.id offset 0 for no key update skip locked) t
       where m.taker > 0
    loop
      continue when not v.is_free;
      v_taker := p_takers -> (v.taker - 1);
      leases := leases || jsonb_build_object('task', v.id, 'agent', v_taker -> 'agent', 'name', v_taker -> 'name',
                                             'lease', gen_random_uuid(), 'actor', v_taker -> 'actor', 'n', v_taker -> 'n');
      v_left[v.taker] := v_left[v.taker] - 1;
      v_wanted := v_wanted - 1;
    end loop;
    v_tried := v_tried || array(select m.id from unnest(v_found.ids, v_matched) as m(id, taker) where m.taker > 0);
    if not exists (select from unnest(v_matched) m where m > 0) then
      exit when coalesce(cardinality(v_found.ids), 0) + cardinality(v_tried) < v_width or v_width >= 4096;
      v_width := v_width * 8;
    end if;
  end loop;
  short := array(select (p_takers -> (l.place - 1)::int -> 'n')::int from unnest(v_left) with ordinality as l(places, place)
                  where l.places > 0);
end $$;

-- Who is to take which of the tasks that stand in these lanes, first come, first served: by the place of a task the place of
-- its taker, or 0.
create or replace function match_tasks(p_takers jsonb, p_places int[], p_lanes uuid[]) returns int[] language plpgsql immutable as $$
declare
  v_matched int[] := array_fill(0, array[coalesce(cardinality(p_lanes), 0)]);
  v_from int := 1;
  v_lanes jsonb;
  v_left int;
begin
  for t in 1 .. cardinality(p_places) loop
    v_lanes := p_takers -> (t - 1) -> 'lanes';
    v_left := p_places[t];
    for place in v_from .. coalesce(cardinality(p_lanes), 0) loop
      exit when v_left <= 0;
      continue when v_matched[place] > 0 or not v_lanes ? p_lanes[place]::text;
      v_matched[place] := t;
      v_left := v_left - 1;
      if place = v_from then
        v_from := v_from + 1;
      end if;
    end loop;
  end loop;
  return v_matched;
end $$;

-- What can be taken in a workspace asks for: one row for each lane.
create or replace function open_demands(p_workspace uuid) returns table (lane uuid, assignee_id uuid, required_capabilities jsonb) language sql stable
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
  select lane, assignee_id, required_capabilities from lanes
$$;
