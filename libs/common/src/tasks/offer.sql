-- Offering tasks to connected agents, several at once.

-- What an instance has of its agent's capabilities: never more than is registered.
create or replace function narrow_capabilities(p_has jsonb, p_instance jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg(jsonb_build_object('name', h.name, 'level', least(coalesce(h.level, 5), coalesce(i.level, 5))) order by h.name), '[]')
    from jsonb_to_recordset(p_has) as h(name text, level int)
    join jsonb_to_recordset(p_instance) as i(name text, level int) on i.name = h.name
$$;

-- Claims a task for each of these agents, to be acknowledged within 10 s; stops where nothing at all can be taken.
--
-- p_offers  [{agent, lease, actor, capabilities?}] in the order in which they were chosen; an agent may stand there several times
-- Returns   a row for each offer that was looked at, by its place from 1: verdict, idle and task as claim_task answers them
create or replace function offer_tasks(p_organization uuid, p_workspace uuid, p_offers jsonb)
returns table (n int, verdict text, idle boolean, task tasks) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_claim record;
begin
  -- By agent, as everybody who locks several.
  for v in
    select o.n, (o.value ->> 'agent')::uuid as agent, (o.value ->> 'lease')::uuid as lease, o.value ->> 'actor' as actor,
           nullif(o.value -> 'capabilities', 'null') as capabilities
      from jsonb_array_elements(p_offers) with ordinality as o(value, n) order by agent, o.n
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
