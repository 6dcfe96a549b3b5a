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

-- Whether a sign of life still counts: neither too old, nor given over a socket that was closed since.
create or replace function is_fresh_sign(p_seen timestamptz, p_left timestamptz) returns boolean language sql stable as $$
  select coalesce(p_seen > greatest(now() - agent_silence(), p_left), false)
$$;

-- Derives the state of these agents anew and tells every change as an event of the organization.
--
-- The length of a list makes a plan for this list look cheaper than one for all, each time anew: planning costs more than the
-- work, hence the generic plans.
--
-- p_seen   they gave a sign of life just now
-- p_actor  who caused it: 'key:<id>' or 'system'
-- Returns how many agents changed.
create or replace function note_agents(p_organization uuid, p_agents uuid[], p_seen boolean, p_actor text) returns int
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_whole text := coalesce(current_setting('houston.whole_organization', true), '');
  v_locked uuid[];
  v_changed int;
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
  v_changed := note_locked_agents(p_organization, v_locked, p_seen, p_actor);
  perform set_config('houston.whole_organization', v_whole, true);
  return v_changed;
end $$;

-- How agents stand by the facts. Their presence is locked by the caller: what is read here was committed before.
create or replace function standing_of_agents(p_organization uuid, p_agents uuid[], p_seen boolean)
returns table (before agent_presence, name text, state text, health text, seen_at timestamptz, half_opens boolean, wake_at timestamptz)
language sql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select p.before, a.name, d.state, agent_health_of(a.enabled, f.present, (p.before).degraded_until is not null), f.seen_at,
         coalesce((p.before).degraded_until <= now() and (p.before).half_opened_at is null, false),
         least(case when f.present then greatest(now() + interval '1 second', least(
                      f.seen_at + agent_silence(), case when d.state <> 'idle' then now() + interval '5 seconds' end)) end,
               case when (p.before).degraded_until > now() then (p.before).degraded_until end)
    from unnest(p_agents) with ordinality as i(id, n)
   cross join lateral (select x as before from agent_presence x where x.agent_id = i.id offset 0) p
   cross join lateral (select x.name, x.enabled, x.paused_at is not null as paused, x.draining_at is not null as draining
                         from agents x where x.id = i.id offset 0) a
   cross join lateral (
     select (count(*) filter (where t.status = 'assigned'))::int as unacknowledged,
            (count(*) filter (where t.status = 'in_progress'))::int as acknowledged, count(*) > 0 as any
       from tasks t
      where t.organization_id = p_organization and t.lease_agent_id = i.id and t.lease_expires_at > now()) l
   cross join lateral (
     select s.seen_at, l.any or is_fresh_sign(s.seen_at, (p.before).left_at) as present
       from (select case when p_seen then greatest(now(), (p.before).last_seen_at) else (p.before).last_seen_at end as seen_at) s offset 0) f
   cross join lateral (
     select agent_state_of(a.enabled, a.paused, a.draining, f.present, l.unacknowledged, l.acknowledged,
                           not l.any and f.present and exists (
                             select from task_attempts y join tasks t on t.workspace_id = y.workspace_id and t.id = y.task_id
                              where y.organization_id = p_organization and y.agent_id = i.id and y.kind = 'blocked'
                                and t.status = 'blocked' and t.lease_fence = y.fence)) as state offset 0) d
   order by i.n
$$;

-- Writes how these agents stand: one statement for all of their events, and one for all of their rows.
create or replace function note_locked_agents(p_organization uuid, p_agents uuid[], p_seen boolean, p_actor text) returns int
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
  v_row agent_presence;
  v_ids uuid[] := '{}';
  v_rows agent_presence[] := '{}'; -- beside them: as they shall be
  v_told jsonb := '[]';
  v_half_opened text[] := '{}';
  v_is_changed boolean;
  v_changed int := 0;
begin
  for v in select * from standing_of_agents(p_organization, p_agents, p_seen) loop
    v_row := v.before;
    v_is_changed := v.state <> v_row.state or v.health <> v_row.health;
    -- Looked at too early is looked at once more, and a row whose time stays needs no new place in an index.
    if v.wake_at >= v_row.wake_at and v_row.wake_at > now() then
      v.wake_at := v_row.wake_at;
    end if;
    if not v_is_changed and not v.half_opens and v_row.wake_at is not distinct from v.wake_at
       and (v_row.last_seen_at is not distinct from v.seen_at
            -- A sign of life right after another is not worth a write.
            or p_seen and v_row.last_seen_at > now() - interval '3 seconds') then
      continue;
    end if;
    if v_is_changed then
      v_changed := v_changed + 1;
      v_told := v_told || jsonb_build_object('agent_id', v_row.agent_id, 'name', v.name, 'state', v_row.state, 'to_state', v.state,
        'since', v_row.state_changed_at, 'seen', v.seen_at, 'health', v_row.health, 'to_health', v.health,
        'reason', case when v.health = 'degraded' then v_row.degraded_reason end);
    end if;
    if v.half_opens then
      v_half_opened := v_half_opened || array[v_row.agent_id::text, v_row.degraded_reason];
      v_row.half_opened_at := now();
    end if;
    if v.state <> v_row.state then
      v_row.state_changed_at := now();
    end if;
    v_row.state := v.state;
    v_row.health := v.health;
    v_row.last_seen_at := v.seen_at;
    v_row.wake_at := v.wake_at;
    v_ids := v_ids || v_row.agent_id;
    v_rows := v_rows || v_row;
  end loop;
  if v_ids = '{}' then
    return 0;
  end if;
  if v_told <> '[]' then
    perform tell_agents(p_organization, v_told, p_actor);
  end if;
  for n in 1 .. cardinality(v_half_opened) / 2 loop
    perform tell_breaker(p_organization, v_half_opened[2 * n - 1]::uuid, 'agent.breaker_half_opened', p_actor,
                         jsonb_build_object('reason', v_half_opened[2 * n]));
  end loop;
  update agent_presence p
     set state = r.state, health = r.health, last_seen_at = r.last_seen_at, wake_at = r.wake_at, state_changed_at = r.state_changed_at,
         half_opened_at = r.half_opened_at
    from presences(v_rows) r
   where p.agent_id = r.agent_id;
  return v_changed;
end $$;

-- A batch that passes for one row: see how it is joined.
create or replace function presences(p_rows agent_presence[]) returns setof agent_presence language sql volatile rows 1 as $$
  select * from unnest(p_rows)
$$;

-- p_told  [{agent_id, name, state, to_state, since, seen, health, to_health, reason}]
create or replace function tell_agents(p_organization uuid, p_told jsonb, p_actor text) returns void language sql as $$
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, null, gen_random_uuid(), e.type, p_actor, 'agent:' || a.agent_id,
         jsonb_build_object('agentId', a.agent_id, 'name', a.name) || e.data
    from rows from (jsonb_to_recordset(p_told) as (agent_id uuid, name text, state text, to_state text, since timestamptz, seen timestamptz,
                                                   health text, to_health text, reason text)) with ordinality
         as a(agent_id, name, state, to_state, since, seen, health, to_health, reason, place)
   cross join lateral (
     select s.n, 'agent.state_changed' as type, jsonb_build_object('from', s.state, 'to', s.next, 'since', a.since)
               || case when s.next = 'offline' and a.seen is not null then jsonb_build_object('lastSeenAt', iso_time(a.seen)) else '{}' end as data
       from (select coalesce(lag(step) over (order by n), a.state) as state, step as next, n
               from unnest(agent_state_path(a.state, a.to_state)) with ordinality as p(step, n)) s
     union all
     select 9, 'agent.health_changed', jsonb_build_object('from', a.health, 'to', a.to_health, 'reason', a.reason)
      where a.health <> a.to_health) e
   order by a.place, e.n
$$;

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
