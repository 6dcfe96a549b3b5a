-- Every way in which a task leaves a status other than by a lease, for one task or a thousand: the move is decided before,
-- on rows the caller has locked in ascending (workspace, id); here it is written. Whatever lease there was ends.
--
-- One statement for all rows of a table: what a statement costs before its first row (checks, generated columns, triggers,
-- indexes) is more than what a row costs. The batch passes for one row, so that the way is by primary key.
--
-- Locks taken here: dependents of finished tasks (ascending; the edges' lock is held shared by the caller), then executions
-- and budget windows, then the presence of agents.
--
-- p_moves  [{workspace_id, id, to, actor,
--            taken_up?                               its offer is acknowledged by the same breath: that is told first
--            attempt?: {kind, error?, error_type?}   how the running attempt ended
--            attempts?                               the count from now on
--            delay_ms? | retry_at?, retry_reason?    it may be taken again only then
--            blocker_reason?, message?, evidence_ref?, evidence?, result?, outcome?, error?
--            settle?: {target, ...}                  what the attempt's execution comes to, in the columns of resolve.sql
--            dead_letter?: {id, reason}
--            events: [{type, data}]}]                each gets taskId, title, from, to, agentId and attempt
create or replace function move_tasks(p_organization uuid, p_moves jsonb) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  m record;
  v_settlements jsonb := '[]';
  v_agents uuid[] := '{}';
  v_actors text[] := '{}'; -- beside them
  v_failed uuid[] := '{}';
  v_hearing uuid[] := '{}';
begin
  perform enter_tenant(p_organization, null);
  for m in
    select a.*, t.before, (t.before).lease_agent_id as agent, a.attempt ->> 'kind' as kind
      from moves_asked(p_moves) a
     cross join lateral (select x as before from tasks x where x.workspace_id = a.workspace_id and x.id = a.id offset 0) t
     order by a.n
  loop
    if m.dead_letter is not null then
      insert into dead_letters (organization_id, workspace_id, id, kind, task_id, reason, summary)
      values (p_organization, m.workspace_id, (m.dead_letter ->> 'id')::uuid, 'task', m.id, m.dead_letter ->> 'reason',
              jsonb_strip_nulls(jsonb_build_object('title', (m.before).title, 'priority', (m.before).priority,
                                                   'attempts', (m.before).attempts, 'error', coalesce(m.error, (m.before).last_error))));
    end if;
    if (m.before).execution_id is not null then
      v_settlements := v_settlements || settlement_of(m.before, m."to", m.kind, m.actor, m.settle);
    end if;
    if m.agent <> all(v_agents) then
      v_agents := v_agents || m.agent;
      v_actors := v_actors || m.actor;
    end if;
    if m.agent is not null and (m.kind = 'unacknowledged' or is_agents_failure(m.kind)) then
      v_failed := v_failed || m.agent;
    end if;
    if m.taken_up then
      v_hearing := v_hearing || m.agent;
    end if;
  end loop;
  perform end_attempts(p_moves);
  perform tell_moves(p_organization, p_moves);
  perform write_moves(p_moves);

  if p_moves @> '[{"to": "done"}]' then
    perform release_dependents(p_moves);
  end if;
  perform tell_dependents(p_organization, p_moves);
  if v_settlements <> '[]' then
    perform resolve_executions(p_organization, v_settlements);
  end if;
  if v_agents <> '{}' then
    -- All at once, in their order; then each in the name of whoever moved its task.
    perform from agent_presence p where p.agent_id = any(v_agents) order by p.agent_id for update;
    if v_hearing <> '{}' then
      perform note_acknowledgements(p_organization, v_hearing, (
        select array_agg(v_actors[array_position(v_agents, h.agent)] order by h.n) from unnest(v_hearing) with ordinality as h(agent, n)));
    end if;
    for m in select o.actor, array_agg(o.agent order by o.agent) as agents
               from unnest(v_agents, v_actors) as o(agent, actor) group by o.actor order by o.actor
    loop
      perform judge_agents(p_organization, m.agents, v_failed, m.actor);
    end loop;
  end if;
end $$;

-- A batch that passes for one row: see how it is joined.
create or replace function moves_asked(p_moves jsonb)
returns table (workspace_id uuid, id uuid, "to" text, actor text, taken_up boolean, attempt jsonb, attempts int, delay_ms float8, retry_at timestamptz,
               retry_reason text, blocker_reason text, message text, evidence_ref text, evidence jsonb, result jsonb, outcome text,
               error text, settle jsonb, dead_letter jsonb, events jsonb, n bigint)
language sql volatile rows 1 as $$
  select * from rows from (jsonb_to_recordset(p_moves) as (
    workspace_id uuid, id uuid, "to" text, actor text, taken_up boolean, attempt jsonb, attempts int, delay_ms float8,
    retry_at timestamptz, retry_reason text, blocker_reason text, message text, evidence_ref text, evidence jsonb, result jsonb,
    outcome text, error text, settle jsonb, dead_letter jsonb, events jsonb)) with ordinality
$$;

-- A task has one running attempt at the most: that of its lease, and of its fence. Not `ended_at is null`: the index of running
-- attempts, small as it looks, would be read as a whole.
create or replace function end_attempts(p_moves jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  update task_attempts a
     set ended_at = clock_timestamp(), kind = m.attempt ->> 'kind', error = m.attempt ->> 'error', error_type = m.attempt ->> 'error_type'
    from (select x.workspace_id, x.id, x.attempt, t.lease_fence from moves_asked(p_moves) x
           cross join lateral (select y.lease_fence from tasks y where y.workspace_id = x.workspace_id and y.id = x.id offset 0) t
           where x.attempt is not null offset 0) m
   where a.workspace_id = m.workspace_id and a.task_id = m.id and a.fence = m.lease_fence and a.kind is null;
end $$;

-- Before the moves are written: the events say where from.
create or replace function tell_moves(p_organization uuid, p_moves jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, m.workspace_id, gen_random_uuid(), e.type, m.actor, 'task:' || m.id,
         jsonb_strip_nulls(jsonb_build_object('taskId', m.id, 'title', b.title, 'from', e."from", 'to', e."to",
                                              'attempt', b.attempts, 'fence', b.lease_fence, 'agentId', b.lease_agent_id)) || e.data
    from moves_asked(p_moves) m
   cross join lateral (select t.title, t.status, t.attempts, t.lease_fence, t.lease_agent_id from tasks t
                        where t.workspace_id = m.workspace_id and t.id = m.id offset 0) b
   cross join lateral (
     select 0 as n, 'task.started' as type, null as "from", null as "to", '{}'::jsonb as data where m.taken_up
     union all
     select x.n, x.value ->> 'type', case when m.taken_up then 'in_progress' else b.status end, m."to", coalesce(x.value -> 'data', '{}')
       from jsonb_array_elements(m.events) with ordinality as x(value, n)) e
   order by m.n, e.n;
end $$;

create or replace function write_moves(p_moves jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  -- As of a lease: no time of a task is before the one that came before it.
  v_now timestamptz := clock_timestamp();
begin
  update tasks t
     set status = m."to", status_since = case when t.status = m."to" then t.status_since else v_now end,
         attempts = coalesce(m.attempts, t.attempts),
         next_retry_at = coalesce(m.retry_at, v_now + m.delay_ms * interval '1 millisecond'), retry_reason = m.retry_reason,
         lease_id = null, lease_agent_id = null, lease_expires_at = null, leased_at = null, ack_by = null, acked_at = null,
         stalled_at = null, timeout_at = null, execution_id = null,
         blocker_reason = m.blocker_reason, completion_message = coalesce(m.message, t.completion_message),
         evidence_ref = coalesce(m.evidence_ref, t.evidence_ref), evidence = coalesce(m.evidence, t.evidence),
         result = coalesce(m.result, t.result), outcome = coalesce(m.outcome, t.outcome), last_error = coalesce(m.error, t.last_error),
         breach_at = case when m."to" in ('done', 'failed', 'cancelled') then null
                          when t.status = 'failed' and t.breached_at is null then t.due_at else t.breach_at end,
         -- Whoever brings an expired task back wants it done all the same.
         expires_at = case when t.status = 'failed' and t.expires_at <= v_now then null else t.expires_at end,
         look_at = v_now + interval '1 minute', waiting_reason = null, updated_at = v_now, version = t.version + 1,
         ended_at = case when m."to" in ('done', 'failed', 'cancelled') then v_now end
    from moves_asked(p_moves) m
   where t.workspace_id = m.workspace_id and t.id = m.id;
end $$;

-- What the run of an ended attempt comes to, as resolve.sql reads it. Without a word about its cost it cost what it had
-- reported; a success that never reported anything cost nothing. A run whose agent was not heard is left `expired`: what the
-- agent says too late is added then.
create or replace function settlement_of(p_task tasks, p_to text, p_kind text, p_actor text, p_settle jsonb) returns jsonb
language sql stable as $$
  select jsonb_build_object(
           'workspace_id', p_task.workspace_id, 'id', p_task.execution_id, 'actor', p_actor,
           'digest', 'task ' || p_task.id || ' ' || p_task.lease_fence,
           'cost_nano', case when p_to in ('done', 'review') then coalesce((
             select e.cost_nano from executions e where e.workspace_id = p_task.workspace_id and e.id = p_task.execution_id), 0) end,
           'target', case when p_to in ('done', 'review') then 'succeeded' when p_to = 'cancelled' then 'cancelled'
                          when p_kind in ('abandoned', 'stalled', 'timeout') then 'expired' else 'failed' end)
         || coalesce(p_settle, '{}')
$$;

-- Tasks that waited for those just done wait for one less. Locked in the order in which everybody locks tasks.
create or replace function release_dependents(p_moves jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_waiting record;
begin
  for v_waiting in
    select d.workspace_id, d.task_id, count(*)::int as finished
      from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text)
     cross join lateral (select x.workspace_id, x.task_id from task_dependencies x
                          where x.workspace_id = m.workspace_id and x.depends_on_id = m.id offset 0) d
     where m."to" = 'done'
     group by d.workspace_id, d.task_id
     order by d.workspace_id, d.task_id
  loop
    update tasks t set open_dependencies = t.open_dependencies - v_waiting.finished, updated_at = now()
     where t.workspace_id = v_waiting.workspace_id and t.id = v_waiting.task_id;
  end loop;
end $$;

-- Tasks that wait for one that will not be done stay as they are: it may be replayed, or no longer waited for. But it is told.
create or replace function tell_dependents(p_organization uuid, p_moves jsonb) returns void language sql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, m.workspace_id, gen_random_uuid(), 'task.dependency_ended', m.actor, 'task:' || t.id,
         jsonb_build_object('taskId', t.id, 'title', t.title, 'dependsOn', m.id, 'status', m."to")
    from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text, actor text)
   cross join lateral (select x.task_id from task_dependencies x
                        where x.workspace_id = m.workspace_id and x.depends_on_id = m.id offset 0) d
   cross join lateral (select w.id, w.title, w.ended_at from tasks w where w.workspace_id = m.workspace_id and w.id = d.task_id offset 0) t
   where m."to" in ('failed', 'cancelled') and t.ended_at is null
$$;
