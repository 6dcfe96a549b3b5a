-- Sessions of agents that are connected by a socket. The row says which connection of an instance is the present one; the
-- gateway that holds the connection writes it.

-- Why an agent is given nothing new, as long as somebody does not change it: disabled | deprecated | draining | paused; else null.
create or replace function halt_of_agent(p_agent agents) returns text language sql immutable as $$
  select case when not p_agent.enabled then 'disabled' when p_agent.lifecycle = 'deprecated' then 'deprecated'
              when p_agent.draining_at is not null then 'draining' when p_agent.paused_at is not null then 'paused' end
$$;

-- Until when a session that left offers unanswered is offered nothing, as its gateway reckons; null: it does not rest.
create or replace function rest_of_session(p_session agent_sessions) returns timestamptz language sql immutable as $$
  select case when p_session.unacknowledged > 0 then p_session.last_offered_at + interval '10 seconds'
    + least(10 * power(2, least(p_session.unacknowledged - 1, 10)), 300) * interval '1 second' end
$$;

-- Opens a session; one that the instance had before is no longer the present one.
--
-- p_most    sessions that an agent may have at once
-- Verdicts  open | too_many | unknown_agent
create or replace function open_session(
  p_organization uuid, p_workspace uuid, p_agent uuid, p_instance text, p_session uuid, p_key uuid, p_gateway text,
  p_max_concurrent int, p_capabilities jsonb, p_most int, p_actor text,
  out verdict text, out halt text, out agent_max_concurrent int, out lease_ttl_ms float8
) language plpgsql
set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_agent agents;
begin
  perform enter_tenant(p_organization, null);
  select * into v_agent from agents a where a.organization_id = p_organization and a.id = p_agent;
  if v_agent.id is null then
    verdict := 'unknown_agent';
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(p_agent::text, 10));
  if (select count(*) from agent_sessions s
       where s.organization_id = p_organization and s.agent_id = p_agent
         and (s.workspace_id, s.instance_id) <> (p_workspace, p_instance)) >= p_most then
    verdict := 'too_many';
    return;
  end if;
  insert into agent_sessions as s (organization_id, workspace_id, agent_id, instance_id, session_id, key_id, gateway, max_concurrent, capabilities)
  values (p_organization, p_workspace, p_agent, p_instance, p_session, p_key, p_gateway, p_max_concurrent, p_capabilities)
  on conflict (workspace_id, agent_id, instance_id) do update
     set session_id = excluded.session_id, key_id = excluded.key_id, gateway = excluded.gateway,
         max_concurrent = excluded.max_concurrent, capabilities = excluded.capabilities, connected_at = now(), last_seen_at = now(),
         unacknowledged = 0;
  update agent_presence set left_at = null where agent_id = p_agent and left_at is not null;
  -- The gateway of the connection before closes it.
  perform pg_notify('houston_agent_changed', p_agent::text);
  perform note_agents(p_organization, array[p_agent], true, p_actor);
  verdict := 'open';
  halt := halt_of_agent(v_agent);
  agent_max_concurrent := v_agent.max_concurrent;
  lease_ttl_ms := extract(epoch from lease_ttl(p_workspace)) * 1000;
end $$;

-- What a gateway has to say of its sessions, and how they stand.
--
-- p_news   [{session, workspace, agent, instance, actor, seen?, offered_ms?, acknowledged_ms?, last_task?, unacknowledged?}];
--          seen: a frame has come since the last time; *_ms: so long ago; unacknowledged is there when anything is new
-- Returns  one row for each: current | replaced | gone, why its agent is given nothing, and its limit
create or replace function look_after_sessions(p_organization uuid, p_news jsonb)
returns table (session_id uuid, standing text, halt text, agent_max_concurrent int) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_session uuid;
  v_seen uuid[] := '{}';
  v_actor text;
begin
  perform enter_tenant(p_organization, null);
  for v in
    select * from jsonb_to_recordset(p_news) as x(
      session uuid, workspace uuid, agent uuid, instance text, seen boolean, offered_ms float8, acknowledged_ms float8,
      last_task uuid, unacknowledged int, actor text)
     order by workspace, agent, instance
  loop
    v_session := null;
    if v.unacknowledged is not null then
      update agent_sessions s
         set last_seen_at = case when v.seen then now() else s.last_seen_at end,
             last_offered_at = coalesce(now() - v.offered_ms * interval '1 millisecond', s.last_offered_at),
             last_acknowledged_at = coalesce(now() - v.acknowledged_ms * interval '1 millisecond', s.last_acknowledged_at),
             last_task_id = coalesce(v.last_task, s.last_task_id), unacknowledged = v.unacknowledged
       where s.workspace_id = v.workspace and s.agent_id = v.agent and s.instance_id = v.instance and s.session_id = v.session
      returning s.session_id into v_session;
      if v.seen and v_session is not null then
        v_seen := v_seen || v.agent;
        v_actor := v.actor;
      end if;
    end if;
    if v_session is null then
      select s.session_id into v_session from agent_sessions s
       where s.workspace_id = v.workspace and s.agent_id = v.agent and s.instance_id = v.instance;
    end if;
    session_id := v.session;
    standing := case when v_session is null then 'gone' when v_session = v.session then 'current' else 'replaced' end;
    select halt_of_agent(a), a.max_concurrent into halt, agent_max_concurrent from agents a where a.organization_id = p_organization and a.id = v.agent;
    return next;
  end loop;
  if v_seen <> '{}' then
    perform note_agents(p_organization, array(select distinct u from unnest(v_seen) u order by u), true, v_actor);
  end if;
end $$;

-- Ends a session, unless another has taken its place. An agent whose last one it was, through whatever gateway, is gone at once,
-- unless it holds leases or was heard over HTTP meanwhile.
--
-- p_silent_ms  so long ago came the last frame
create or replace function close_session(
  p_organization uuid, p_workspace uuid, p_agent uuid, p_instance text, p_session uuid, p_silent_ms float8, p_actor text
) returns void language plpgsql
set enable_seqscan = off as $$
begin
  perform enter_tenant(p_organization, null);
  perform pg_advisory_xact_lock(hashtextextended(p_agent::text, 10));
  delete from agent_sessions s
   where s.workspace_id = p_workspace and s.agent_id = p_agent and s.instance_id = p_instance and s.session_id = p_session;
  if not found or exists (select from agent_sessions s where s.organization_id = p_organization and s.agent_id = p_agent
                                                         and s.last_seen_at > now() - agent_silence()) then
    return;
  end if;
  -- What a frame led to was written a little later than it came.
  update agent_presence p set left_at = p.last_seen_at
   where p.agent_id = p_agent and p.last_seen_at < now() - p_silent_ms * interval '1 millisecond' + interval '3 seconds';
  if found then
    perform note_agents(p_organization, array[p_agent], false, p_actor);
  end if;
end $$;

-- Forgets sessions whose gateway died with them, and tickets that nobody used. Returns how many.
create or replace function forget_lapsed_sessions(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off as $$
declare
  v_sessions int;
  v_tickets int;
begin
  perform enter_tenant(p_organization, null);
  delete from agent_sessions s where s.ctid = any(array(
    select l.ctid from agent_sessions l
     where l.organization_id = p_organization and l.last_seen_at < now() - interval '2 minutes'
     order by l.last_seen_at limit p_limit for update skip locked));
  get diagnostics v_sessions = row_count;
  delete from agent_connect_tickets k where k.ctid = any(array(
    select l.ctid from agent_connect_tickets l
     where l.organization_id = p_organization and l.expires_at < now() order by l.expires_at limit p_limit for update skip locked));
  get diagnostics v_tickets = row_count;
  return v_sessions + v_tickets;
end $$;
