-- The breaker of an agent. Closed: it gets work. Open until degraded_until: it gets none. Half open from then on: it gets
-- one task, its trial; a trial that succeeds closes the breaker, one that fails opens it again for twice as long.
--
-- Two things open it:
--   failing  of the tasks it had within the window too large a share failed. Each task counts once, by the last attempt of
--            this agent: a task that nobody can do does not condemn whoever tries it again and again.
--   deaf     it left several offers in a row unacknowledged. Any acknowledgement shows that it hears, and closes it.
-- Whatever is no word about the agent (released, quota, budget, blocked, cancelled) counts for nothing.

create or replace function is_agents_failure(p_kind text) returns boolean language sql immutable as $$
  select p_kind in ('transient', 'permanent', 'abandoned', 'stalled', 'timeout')
$$;

-- What is set for an agent, and defaults for the rest.
create or replace function breaker_of(p_breaker jsonb, out failure_rate float8, out minimum_tasks int, out window_seconds int,
                                      out open_seconds int, out unanswered_offers int) language sql immutable as $$
  select coalesce((p_breaker ->> 'failureRate')::float8, 0.5), coalesce((p_breaker ->> 'minimumTasks')::int, 5),
         coalesce((p_breaker ->> 'windowSeconds')::int, 600), coalesce((p_breaker ->> 'openSeconds')::int, 120),
         coalesce((p_breaker ->> 'unansweredOffers')::int, 3)
$$;

-- No breaker stays open longer than this before the next trial.
create or replace function longest_opening() returns interval language sql immutable as $$ select interval '1 hour' $$;

-- Judges agents whose attempts have just ended, and derives their state anew. The caller's transaction speaks for the whole
-- organization.
--
-- p_failed  those with an attempt that failed, or an offer that was not acknowledged: only these can open a closed breaker
create or replace function judge_agents(p_organization uuid, p_agents uuid[], p_failed uuid[], p_actor text) returns void
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_agent uuid;
begin
  perform note_agents(p_organization, p_agents, false, p_actor);
  -- Their presence is locked now: what is read from here on was committed before.
  for v_agent in
    select p.agent_id from agent_presence p
     where p.agent_id = any(p_agents) and (p.degraded_until <= now() or p.degraded_until is null and p.agent_id = any(p_failed))
     order by p.agent_id
  loop
    perform judge_agent(p_organization, v_agent, p_actor);
  end loop;
end $$;

create or replace function judge_agent(p_organization uuid, p_agent uuid, p_actor text) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v record;
  v_trial text;
  v_found record;
begin
  select p.degraded_until, coalesce(p.judged_from, '-infinity') as judged_from, b.*
    into v
    from agent_presence p join agents a on a.id = p.agent_id, lateral breaker_of(a.breaker) b
   where p.agent_id = p_agent;
  if v.degraded_until is not null then
    select x.kind into v_trial from task_attempts x
     where x.organization_id = p_organization and x.agent_id = p_agent and x.ended_at is not null and x.started_at >= v.degraded_until
       and (x.kind in ('succeeded', 'unacknowledged') or is_agents_failure(x.kind))
     order by x.ended_at desc limit 1;
    if v_trial = 'succeeded' then
      perform close_breaker(p_organization, p_agent, p_actor);
    elsif v_trial is not null then
      perform open_breaker(p_organization, p_agent, case v_trial when 'unacknowledged' then 'deaf' else 'failing' end, p_actor, '{}');
    end if;
    return;
  end if;

  if has_left_unanswered(p_organization, p_agent, v.unanswered_offers, v.judged_from) then
    perform open_breaker(p_organization, p_agent, 'deaf', p_actor, jsonb_build_object('unansweredOffers', v.unanswered_offers));
    return;
  end if;
  select count(*)::int as tasks, (count(*) filter (where l.failed))::int as failed into v_found from (
    select distinct on (x.workspace_id, x.task_id) is_agents_failure(x.kind) as failed
      from (select y.workspace_id, y.task_id, y.kind, y.fence from task_attempts y
             where y.organization_id = p_organization and y.agent_id = p_agent
               and y.ended_at > now() - make_interval(secs => v.window_seconds) and y.started_at >= v.judged_from
               and (y.kind = 'succeeded' or is_agents_failure(y.kind))
             order by y.ended_at desc limit 500) x
     order by x.workspace_id, x.task_id, x.fence desc) l;
  if v_found.tasks >= v.minimum_tasks and v_found.failed >= v.failure_rate * v_found.tasks then
    perform open_breaker(p_organization, p_agent, 'failing', p_actor, jsonb_build_object('tasks', v_found.tasks, 'failed', v_found.failed));
  end if;
end $$;

-- Whether none of its last p_count offers was acknowledged, and nothing else was either since the first of them.
create or replace function has_left_unanswered(p_organization uuid, p_agent uuid, p_count int, p_from timestamptz) returns boolean
language sql stable
set enable_seqscan = off as $$
  select count(*) = p_count and bool_and(l.kind = 'unacknowledged')
     and not exists (select from tasks t where t.organization_id = p_organization and t.lease_agent_id = p_agent
                                           and t.acked_at >= min(l.started_at))
    from (select x.kind, x.started_at from task_attempts x
           where x.organization_id = p_organization and x.agent_id = p_agent and x.ended_at is not null and x.started_at >= p_from
           order by x.ended_at desc limit p_count) l
$$;

-- Opens a closed or half open breaker; each time in a row for twice as long.
create or replace function open_breaker(p_organization uuid, p_agent uuid, p_reason text, p_actor text, p_found jsonb) returns void
language plpgsql
set enable_seqscan = off as $$
declare
  v_until timestamptz;
begin
  select now() + least(b.open_seconds * interval '1 second' * power(2, least(coalesce(p.breaker_trips, 0), 20)), longest_opening())
    into v_until
    from agents a left join agent_presence p on p.agent_id = a.id, lateral breaker_of(a.breaker) b
   where a.id = p_agent;
  perform write_breaker(p_organization, p_agent, v_until, p_reason, p_actor, p_found);
end $$;

-- Opens or extends the breaker of an agent until a time; null closes it.
create or replace function degrade_agent(p_organization uuid, p_agent uuid, p_until timestamptz, p_reason text, p_actor text)
returns void language plpgsql as $$
begin
  if p_until is null then
    perform close_breaker(p_organization, p_agent, p_actor);
  else
    perform write_breaker(p_organization, p_agent, p_until, p_reason, p_actor, '{}');
  end if;
end $$;

create or replace function write_breaker(p_organization uuid, p_agent uuid, p_until timestamptz, p_reason text, p_actor text, p_found jsonb)
returns void language plpgsql
set enable_seqscan = off as $$
declare
  v_trips int;
begin
  insert into agent_presence as p (organization_id, agent_id, degraded_until, degraded_reason, breaker_trips)
  values (p_organization, p_agent, p_until, p_reason, 1)
  on conflict (agent_id) do update
     set degraded_until = excluded.degraded_until, degraded_reason = excluded.degraded_reason, half_opened_at = null,
         breaker_trips = p.breaker_trips + 1
  returning breaker_trips into v_trips;
  perform tell_breaker(p_organization, p_agent, 'agent.breaker_opened', p_actor,
                       jsonb_build_object('reason', p_reason, 'until', iso_time(p_until), 'trips', v_trips) || p_found);
  perform note_agents(p_organization, array[p_agent], false, p_actor);
end $$;

-- Closes a breaker, whatever it is; from here on only what begins now is held against the agent. Returns whether that is news.
create or replace function close_breaker(p_organization uuid, p_agent uuid, p_actor text) returns boolean language plpgsql
set enable_seqscan = off as $$
declare
  v_reason text;
begin
  select p.degraded_reason into v_reason from agent_presence p where p.agent_id = p_agent and p.degraded_until is not null for update;
  if not found then return false; end if;
  update agent_presence
     set degraded_until = null, degraded_reason = null, half_opened_at = null, breaker_trips = 0, judged_from = now()
   where agent_id = p_agent;
  perform tell_breaker(p_organization, p_agent, 'agent.breaker_closed', p_actor, jsonb_build_object('reason', v_reason));
  perform note_agents(p_organization, array[p_agent], false, p_actor);
  return true;
end $$;

-- An agent acknowledged a task: it hears.
create or replace function note_acknowledgement(p_organization uuid, p_agent uuid, p_actor text) returns void language plpgsql
set enable_seqscan = off as $$
begin
  if exists (select from agent_presence p where p.agent_id = p_agent and p.degraded_reason = 'deaf') then
    perform close_breaker(p_organization, p_agent, p_actor);
  end if;
end $$;

-- As note_acknowledgement, of several, in the order in which everybody locks several. p_actors  beside them
create or replace function note_acknowledgements(p_organization uuid, p_agents uuid[], p_actors text[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  v record;
begin
  for v in
    select p.agent_id, p.degraded_reason, p_actors[array_position(p_agents, p.agent_id)] as actor
      from agent_presence p where p.agent_id = any(p_agents) order by p.agent_id for update
  loop
    if v.degraded_reason = 'deaf' then
      perform close_breaker(p_organization, v.agent_id, v.actor);
    end if;
  end loop;
end $$;

create or replace function tell_breaker(p_organization uuid, p_agent uuid, p_type text, p_actor text, p_data jsonb) returns void
language sql
set enable_seqscan = off as $$
  -- Whoever holds a socket of it may offer it something now, or no longer.
  select pg_notify('houston_agent_changed', p_agent::text);
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, null, gen_random_uuid(), p_type, p_actor, 'agent:' || p_agent,
         jsonb_build_object('agentId', p_agent, 'name', a.name) || p_data
    from agents a where a.id = p_agent
$$;

-- Whether a half open breaker has its trial under way: the agent gets nothing else until that ends.
create or replace function is_on_trial(p_agent agents) returns boolean language sql stable
set enable_seqscan = off as $$
  select exists (select from agent_presence s join tasks t on t.organization_id = p_agent.organization_id and t.lease_agent_id = p_agent.id
                  where s.agent_id = p_agent.id and s.degraded_until <= now() and t.leased_at >= s.degraded_until)
$$;
