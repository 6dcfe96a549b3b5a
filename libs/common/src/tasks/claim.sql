-- Giving a task to an agent.
--
-- Protocol
--   1. One claim of an agent at a time: an advisory lock, so that its leases never exceed its capacity.
--   2. Tasks that may be taken stand in lanes of equal demands (assignee, capabilities), ordered by their place of dispatch.
--      A loose scan of the index visits the head of each lane; only lanes the agent is able to work in are looked into, so
--      a claim costs as much as there are different demands, not as there are tasks.
--   3. The first candidates of those lanes, in one order, are locked one after the other, skipping what others have locked.

-- Whether what an agent can do covers what is asked. A capability without a level is of level 5 in an agent and asks for 1.
create or replace function meets_capabilities(p_has jsonb, p_required jsonb) returns boolean language sql immutable as $$
  select not exists (
    select from jsonb_to_recordset(p_required) as r(name text, "minLevel" int)
     where not exists (select from jsonb_to_recordset(p_has) as h(name text, level int)
                        where h.name = r.name and coalesce(h.level, 5) >= coalesce(r."minLevel", 1)))
$$;

-- A setting of a workspace in whole seconds, within bounds.
create or replace function workspace_seconds(p_settings jsonb, p_name text, p_default int, p_least int, p_most int) returns int
language sql immutable as $$
  select case when jsonb_typeof(p_settings -> p_name) = 'number'
              then least(greatest(floor((p_settings ->> p_name)::numeric), p_least), p_most)::int else p_default end
$$;

create or replace function lease_ttl(p_workspace uuid) returns interval language sql stable as $$
  select make_interval(secs => workspace_seconds(settings, 'leaseTtlSeconds', 30, 2, 3600)) from workspaces where id = p_workspace
$$;

-- After this long without progress a lease is taken back, however often it is extended.
create or replace function progress_timeout(p_workspace uuid) returns interval language sql stable as $$
  select make_interval(secs => workspace_seconds(settings, 'progressTimeoutSeconds', 300, 2, 86400)) from workspaces where id = p_workspace
$$;

-- Why an agent gets no work right now, or null: paused (an open breaker too) | at_capacity (a trial of a half open one too) | quota.
create or replace function refusal_of_agent(p_agent agents, p_workspace uuid) returns text language sql stable as $$
  select refusal from rooms_of_agents(p_agent.organization_id, p_workspace, array[p_agent.id])
$$;

-- As refusal_of_agent, of several; and how many tasks each may take where there is no refusal.
create or replace function rooms_of_agents(p_organization uuid, p_workspace uuid, p_agents uuid[])
returns table (agent uuid, name text, refusal text, places int) language sql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select i.id, (a.agent).name,
         case when a.is_away or s.degraded_until > now() then 'paused'
              when r.places <= 0 then 'at_capacity'
              when exists (select from provider_parkings k
                            where k.workspace_id = p_workspace and k.provider = (a.agent).provider and k.until > now())
                or exists (select from agent_parkings k
                            where k.workspace_id = p_workspace and k.agent_id = i.id and k.until > now()) then 'quota' end,
         r.places
    from unnest(p_agents) as i(id)
   cross join lateral (
     select x as agent, not x.enabled or x.lifecycle = 'deprecated' or x.paused_at is not null or x.draining_at is not null
            or x.availability is not null and not agent_available(x.availability, x.timezone, now()) as is_away
       from agents x where x.organization_id = p_organization and x.id = i.id offset 0) a
    left join lateral (select y.degraded_until from agent_presence y where y.agent_id = i.id offset 0) s on true
   cross join lateral (
     select (a.agent).max_concurrent - count(*)::int as places from tasks t
      where t.organization_id = p_organization and t.lease_agent_id = i.id) h
   cross join lateral (
     select case when h.places > 0 and s.degraded_until is not null then case when is_on_trial(a.agent) then 0 else 1 end
                 else h.places end as places) r
$$;

-- The first p_width tasks that the agent may take, in the order of dispatch.
create or replace function task_candidates(p_workspace uuid, p_agent agents, p_width int) returns uuid[] language sql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  with recursive lanes as (
    (select t.lane from tasks t
      where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0 and t.approval_id is null
      order by t.lane limit 1)
    union all
    select (select t.lane from tasks t
             where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0
               and t.approval_id is null and t.lane > l.lane
             order by t.lane limit 1)
      from lanes l where l.lane is not null
  )
  select array_agg(c.id order by c.dispatch_at, c.id) from (
    select c.id, c.dispatch_at
      from lanes l
     cross join lateral (
       select t.assignee_id, t.required_capabilities from tasks t
        where t.workspace_id = p_workspace and t.lane = l.lane and t.status = 'inbox' and t.next_retry_at is null
          and t.open_dependencies = 0 and t.approval_id is null
        order by t.dispatch_at, t.id limit 1) h
     cross join lateral (
       select t.id, t.dispatch_at from tasks t
        where t.workspace_id = p_workspace and t.lane = l.lane and t.status = 'inbox' and t.next_retry_at is null
          and t.open_dependencies = 0 and t.approval_id is null
        order by t.dispatch_at, t.id limit p_width) c
     where l.lane is not null and (h.assignee_id is null or h.assignee_id = p_agent.id)
       and meets_capabilities(p_agent.capabilities, h.required_capabilities)
     order by c.dispatch_at, c.id limit p_width) c
$$;

-- Leases the next task of a workspace to an agent.
--
-- p_lease   id of the lease to be
-- p_acked   the answer is the acknowledgement; otherwise it has to come within 10 s
-- p_narrow  [{name, level?}] what this instance of the agent has of its capabilities; null: all
-- Verdicts  claimed | none | at_capacity | paused | quota | unknown_agent; `idle` tells that nothing at all can be taken
create or replace function claim_task(
  p_organization uuid, p_workspace uuid, p_agent uuid, p_lease uuid, p_acked boolean, p_actor text, p_narrow jsonb default null,
  out verdict text, out idle boolean, out task tasks
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_picked record;
begin
  perform enter_tenant(p_organization, null);
  select * into v_picked from pick_task(p_organization, p_workspace, p_agent, p_narrow);
  verdict := v_picked.verdict;
  idle := v_picked.idle;
  if verdict = 'claimed' then
    task := (select b.task from begin_leases(p_organization, p_workspace, p_acked, jsonb_build_array(jsonb_build_object(
      'task', v_picked.task_id, 'agent', p_agent, 'name', v_picked.agent_name, 'lease', p_lease, 'actor', p_actor))) b);
  end if;
  if verdict <> 'unknown_agent' then
    perform note_agents(p_organization, array[p_agent], true, p_actor);
  end if;
end $$;

-- Locks the next task for an agent; its lease is still to be written.
create or replace function pick_task(
  p_organization uuid, p_workspace uuid, p_agent uuid, p_narrow jsonb,
  out verdict text, out idle boolean, out task_id uuid, out agent_name text
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_agent agents;
  v_candidates uuid[];
  v_candidate uuid;
  v_width int := 16;
begin
  perform pg_advisory_xact_lock(hashtextextended(p_agent::text, 9));
  select * into v_agent from agents where organization_id = p_organization and id = p_agent;
  idle := false;
  agent_name := v_agent.name;
  verdict := case when v_agent.id is null then 'unknown_agent' else refusal_of_agent(v_agent, p_workspace) end;
  if verdict is not null then
    return;
  end if;
  if p_narrow is not null then
    v_agent.capabilities := narrow_capabilities(v_agent.capabilities, p_narrow);
  end if;
  loop
    v_candidates := task_candidates(p_workspace, v_agent, v_width);
    -- One at a time by primary key: the planner would rather walk the lanes again than join to an array.
    foreach v_candidate in array coalesce(v_candidates, '{}') loop
      select t.id into task_id
        from (select x.* from tasks x where x.workspace_id = p_workspace and x.id = v_candidate
               offset 0 for no key update skip locked) t
       where t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0 and t.approval_id is null
         and (t.assignee_id is null or t.assignee_id = p_agent) and (t.expires_at is null or t.expires_at > now());
      exit when task_id is not null;
    end loop;
    exit when task_id is not null or coalesce(cardinality(v_candidates), 0) < v_width or v_width >= 4096;
    v_width := v_width * 8;
  end loop;
  verdict := case when task_id is null then 'none' else 'claimed' end;
  if task_id is null and coalesce(cardinality(v_candidates), 0) = 0 then
    idle := not exists (select from tasks t where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null
                           and t.open_dependencies = 0 and t.approval_id is null);
  end if;
end $$;

-- A batch that passes for one row: see how it is joined.
create or replace function leases_asked(p_items jsonb)
returns table (task uuid, agent uuid, name text, lease uuid, actor text, n bigint) language sql volatile rows 1 as $$
  select * from rows from (jsonb_to_recordset(p_items) as (task uuid, agent uuid, name text, lease uuid, actor text)) with ordinality
$$;

-- Whoever a task is given to follows its thread. p_items  as for begin_leases
create or replace function subscribe_holders(p_organization uuid, p_workspace uuid, p_items jsonb) returns void language sql
set enable_seqscan = off as $$
  insert into subscriptions (organization_id, workspace_id, task_id, agent_id, reason)
  select p_organization, p_workspace, i.task, i.agent, 'assignment'
    from workspaces w, jsonb_to_recordset(p_items) as i(task uuid, agent uuid)
   where w.id = p_workspace and coalesce((w.settings #>> '{features,autoSubscribe}')::boolean, true)
  on conflict do nothing
$$;

-- Writes the leases of locked tasks, their attempts and the events.
--
-- p_items  [{task, agent, name, lease, actor}], name: the agent's. Returns a row for each, by its place from 1
create or replace function begin_leases(p_organization uuid, p_workspace uuid, p_acked boolean, p_items jsonb)
returns table (place int, task tasks) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  -- Not the transaction's: it may have waited for the end of the attempt before.
  v_now timestamptz := clock_timestamp();
  v_ttl interval := lease_ttl(p_workspace);
  v_progress_timeout interval := progress_timeout(p_workspace);
begin
  return query
  with leased as (
    update tasks t
       set status = case when p_acked then 'in_progress' else 'assigned' end, status_since = v_now, attempts = t.attempts + 1,
           lease_id = i.lease, lease_fence = t.lease_fence + 1, lease_agent_id = i.agent, leased_at = v_now,
           lease_expires_at = v_now + v_ttl, ack_by = case when not p_acked then v_now + interval '10 seconds' end,
           acked_at = case when p_acked then v_now end, last_progress_at = v_now, stalled_at = v_now + v_progress_timeout,
           timeout_at = case when p_acked then v_now + make_interval(secs => t.execution_timeout_seconds) end,
           started_at = coalesce(t.started_at, v_now), updated_at = v_now, version = t.version + 1,
           waiting_reason = null
      from leases_asked(p_items) i
     where t.workspace_id = p_workspace and t.id = i.task
    returning t as task, i.name, i.actor, i.n
  ), begun as (
    insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, started_at)
    select p_organization, p_workspace, (l.task).id, (l.task).lease_fence, (l.task).attempts, (l.task).lease_agent_id, v_now from leased l
  ), told as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    select p_organization, p_workspace, gen_random_uuid(), 'task.assigned', l.actor, 'task:' || (l.task).id,
           jsonb_build_object('taskId', (l.task).id, 'title', (l.task).title, 'status', (l.task).status, 'agentId', (l.task).lease_agent_id,
                              'agent', l.name, 'attempt', (l.task).attempts, 'leaseId', (l.task).lease_id, 'fence', (l.task).lease_fence)
      from leased l order by l.n
  )
  select l.n::int, l.task from leased l;
  perform subscribe_holders(p_organization, p_workspace, p_items);
  if p_acked then
    perform note_acknowledgement(p_organization, i.agent, i.actor) from leases_asked(p_items) i order by i.agent;
  end if;
end $$;
