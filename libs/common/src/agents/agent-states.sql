-- How an agent fares: the one table of its transitions, the one function that derives its state from what is known, and
-- the one writer of agent_presence. Whoever changes a fact (lease, pause, registry) calls note_agents in the same
-- transaction; a duty calls it for what changes by time alone.

-- Nobody works without having been given something, and nobody is given something without having been there.
create or replace function agent_transitions() returns table (state text, next text) language sql immutable as $$
  values ('offline', 'idle'), ('offline', 'paused'), ('offline', 'draining'),
         ('idle', 'offline'), ('idle', 'assigned'), ('idle', 'blocked'), ('idle', 'paused'), ('idle', 'draining'),
         ('assigned', 'working'), ('assigned', 'idle'), ('assigned', 'blocked'), ('assigned', 'offline'),
         ('assigned', 'paused'), ('assigned', 'draining'),
         ('working', 'assigned'), ('working', 'idle'), ('working', 'blocked'), ('working', 'offline'),
         ('working', 'paused'), ('working', 'draining'),
         ('blocked', 'idle'), ('blocked', 'assigned'), ('blocked', 'offline'), ('blocked', 'paused'), ('blocked', 'draining'),
         ('paused', 'offline'), ('paused', 'idle'), ('paused', 'assigned'), ('paused', 'working'), ('paused', 'blocked'),
         ('paused', 'draining'),
         ('draining', 'offline'), ('draining', 'idle'), ('draining', 'assigned'), ('draining', 'working'), ('draining', 'blocked'),
         ('draining', 'paused')
$$;

-- The transitions that lead from one state to another, without the first; what was passed within one act is told too.
create or replace function agent_state_path(p_from text, p_to text) returns text[] language sql immutable as $$
  select case
    when p_from = p_to then '{}'::text[]
    when p_from = 'offline' and p_to = 'working' then array['idle', 'assigned', 'working']
    when p_from = 'offline' and p_to in ('assigned', 'blocked') then array['idle', p_to]
    when p_from in ('idle', 'blocked') and p_to = 'working' then array['assigned', 'working']
    else array[p_to] end
$$;

-- p_present         it gave a sign of life lately
-- p_unacknowledged  live leases offered to it, p_acknowledged those it works on
-- p_blocked         a task that it had stands blocked
create or replace function agent_state_of(p_enabled boolean, p_paused boolean, p_draining boolean, p_present boolean,
                                          p_unacknowledged int, p_acknowledged int, p_blocked boolean)
returns text language sql immutable as $$
  select case
    when not p_enabled then 'offline'
    when p_paused then 'paused'
    when p_draining then 'draining'
    when p_acknowledged > 0 then 'working'
    when p_unacknowledged > 0 then 'assigned'
    when not p_present then 'offline'
    when p_blocked then 'blocked'
    else 'idle' end
$$;

create or replace function agent_health_of(p_enabled boolean, p_present boolean, p_degraded boolean)
returns text language sql immutable as $$
  select case when not (p_enabled and p_present) then 'offline' when p_degraded then 'degraded' else 'active' end
$$;

-- After this without a sign of life an agent without leases is offline. A waiting claim lasts 30 s at most.
create or replace function agent_silence() returns interval language sql immutable as $$ select interval '45 seconds' $$;

-- Derives the state of these agents anew and tells every change as an event of the organization.
--
-- p_seen   they gave a sign of life just now
-- p_actor  who caused it: 'key:<id>' or 'system'
-- Returns how many agents changed.
create or replace function note_agents(p_organization uuid, p_agents uuid[], p_seen boolean, p_actor text) returns int
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_whole text := coalesce(current_setting('houston.whole_organization', true), '');
  v_locked uuid[];
  v_agent uuid;
  v_changed int := 0;
begin
  -- An agent works in many workspaces; its leases count wherever they are.
  perform set_config('houston.whole_organization', 'on', true);
  v_locked := array(select p.agent_id from agent_presence p where p.agent_id = any(p_agents) order by p.agent_id for update);
  if cardinality(v_locked) < cardinality(p_agents) then
    insert into agent_presence (organization_id, agent_id)
    select p_organization, a.id from agents a where a.id = any(p_agents) and a.id <> all(v_locked) order by a.id
    on conflict do nothing;
    v_locked := array(select p.agent_id from agent_presence p where p.agent_id = any(p_agents) order by p.agent_id for update);
  end if;
  foreach v_agent in array v_locked loop
    if note_agent(p_organization, v_agent, p_seen, p_actor) then v_changed := v_changed + 1; end if;
  end loop;
  perform set_config('houston.whole_organization', v_whole, true);
  return v_changed;
end $$;

-- One agent, whose presence the caller has locked: what is read here was committed before the lock was given.
create or replace function note_agent(p_organization uuid, p_agent uuid, p_seen boolean, p_actor text) returns boolean
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
  v_seen_at timestamptz;
  v_blocked boolean := false;
  v_present boolean;
  v_state text;
  v_health text;
  v_half_opens boolean;
  v_wake_at timestamptz;
begin
  select p.*, a.name, a.enabled, a.paused_at is not null as paused, a.draining_at is not null as draining,
         l.unacknowledged, l.acknowledged
    into v
    from agent_presence p join agents a on a.id = p.agent_id,
         lateral (select (count(*) filter (where t.status = 'assigned'))::int as unacknowledged,
                         (count(*) filter (where t.status = 'in_progress'))::int as acknowledged
                    from tasks t
                   where t.organization_id = p_organization and t.lease_agent_id = p_agent and t.lease_expires_at > now()) l
   where p.agent_id = p_agent;
  v_seen_at := case when p_seen then greatest(now(), v.last_seen_at) else v.last_seen_at end;
  v_present := v.unacknowledged + v.acknowledged > 0 or coalesce(v_seen_at > now() - agent_silence(), false);
  if v_present and v.unacknowledged + v.acknowledged = 0 then
    v_blocked := exists (
      select from task_attempts a join tasks t on t.workspace_id = a.workspace_id and t.id = a.task_id
       where a.organization_id = p_organization and a.agent_id = p_agent and a.kind = 'blocked'
         and t.status = 'blocked' and t.lease_fence = a.fence);
  end if;
  v_state := agent_state_of(v.enabled, v.paused, v.draining, v_present, v.unacknowledged, v.acknowledged, v_blocked);
  v_health := agent_health_of(v.enabled, v_present, v.degraded_until is not null);
  v_half_opens := coalesce(v.degraded_until <= now() and v.half_opened_at is null, false);
  v_wake_at := case when v_present then greatest(now() + interval '1 second', least(
                 v_seen_at + agent_silence(), case when v_state <> 'idle' then now() + interval '5 seconds' end)) end;
  v_wake_at := least(v_wake_at, case when v.degraded_until > now() then v.degraded_until end);

  if v_state = v.state and v_health = v.health and not v_half_opens and v.wake_at is not distinct from v_wake_at
     and v.last_seen_at is not distinct from v_seen_at then
    return false;
  end if;
  -- A sign of life right after another is not worth a write.
  if v_state = v.state and v_health = v.health and not v_half_opens and v.wake_at > now() and p_seen and v.last_seen_at > now() - interval '3 seconds' then
    return false;
  end if;

  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, null, gen_random_uuid(), 'agent.state_changed', p_actor, 'agent:' || p_agent,
         jsonb_build_object('agentId', p_agent, 'name', v.name, 'from', s.state, 'to', s.next, 'since', v.state_changed_at)
    from (select coalesce(lag(step) over (order by n), v.state) as state, step as next, n
            from unnest(agent_state_path(v.state, v_state)) with ordinality as p(step, n)) s order by s.n;
  if v_health <> v.health then
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    values (p_organization, null, gen_random_uuid(), 'agent.health_changed', p_actor, 'agent:' || p_agent,
            jsonb_build_object('agentId', p_agent, 'name', v.name, 'from', v.health, 'to', v_health,
                               'reason', case when v_health = 'degraded' then v.degraded_reason end));
  end if;
  if v_half_opens then
    perform tell_breaker(p_organization, p_agent, 'agent.breaker_half_opened', p_actor, jsonb_build_object('reason', v.degraded_reason));
  end if;
  update agent_presence
     set state = v_state, health = v_health, last_seen_at = v_seen_at, wake_at = v_wake_at,
         state_changed_at = case when state = v_state then state_changed_at else now() end,
         half_opened_at = case when v_half_opens then now() else half_opened_at end
   where agent_id = p_agent;
  return v_state <> v.state or v_health <> v.health;
end $$;

-- Looks again at up to p_limit agents whose time has come. Returns how many it looked at.
create or replace function note_due_agents(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off as $$
declare
  v_due uuid[];
begin
  perform enter_tenant(p_organization, null);
  select array_agg(agent_id) into v_due from (
    select agent_id from agent_presence where organization_id = p_organization and wake_at <= now()
     order by wake_at limit p_limit for update skip locked) d;
  if v_due is null then return 0; end if;
  perform note_agents(p_organization, v_due, false, 'system');
  return cardinality(v_due);
end $$;
