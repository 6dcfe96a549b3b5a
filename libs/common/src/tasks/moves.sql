-- Every way in which a task leaves a status other than by a lease, for one task or a thousand: the move is decided before,
-- on rows the caller has locked in ascending (workspace, id); here it is written. Whatever lease there was ends.
--
-- Row by row, by primary key: joined to a batch, the planner reads all tasks when its plan was made while there were few.
--
-- Locks taken here: dependents of finished tasks (ascending; the edges' lock is held shared by the caller), then executions
-- and budget windows, then the presence of agents.
--
-- p_moves  [{workspace_id, id, to, actor,
--            attempt?: {kind, error?, error_type?}   how the running attempt ended
--            attempts?                               the count from now on
--            delay_ms? | retry_at?, retry_reason?    it may be taken again only then
--            blocker_reason?, message?, evidence_ref?, evidence?, result?, outcome?, error?
--            settle?: {target, ...}                  what the attempt's execution comes to, in the columns of resolve.sql
--            dead_letter?: {id, reason}
--            events: [{type, data}]}]                each gets taskId, title, from, to, agentId and attempt
create or replace function move_tasks(p_organization uuid, p_moves jsonb) returns setof tasks language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  m record;
  v_before tasks;
  v_after tasks;
  v_settlements jsonb := '[]';
  v_agents uuid[] := '{}';
  v_actors text[] := '{}'; -- beside them
  v_failed uuid[] := '{}';
begin
  perform enter_tenant(p_organization, null);
  for m in
    select * from jsonb_to_recordset(p_moves) as x(
      workspace_id uuid, id uuid, "to" text, actor text, attempt jsonb, attempts int, delay_ms float8, retry_at timestamptz,
      retry_reason text, blocker_reason text, message text, evidence_ref text, evidence jsonb, result jsonb, outcome text, error text,
      settle jsonb, dead_letter jsonb, events jsonb)
  loop
    select * into strict v_before from tasks t where t.workspace_id = m.workspace_id and t.id = m.id;
    if m.attempt is not null then
      update task_attempts a
         set ended_at = now(), kind = m.attempt ->> 'kind', error = m.attempt ->> 'error', error_type = m.attempt ->> 'error_type'
       where a.workspace_id = m.workspace_id and a.task_id = m.id and a.fence = v_before.lease_fence and a.ended_at is null;
    end if;
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    select p_organization, m.workspace_id, gen_random_uuid(), e.value ->> 'type', m.actor, 'task:' || m.id,
           jsonb_strip_nulls(jsonb_build_object('taskId', m.id, 'title', v_before.title, 'from', v_before.status, 'to', m."to",
                                                'attempt', v_before.attempts, 'fence', v_before.lease_fence,
                                                'agentId', v_before.lease_agent_id))
           || coalesce(e.value -> 'data', '{}')
      from jsonb_array_elements(m.events) with ordinality as e(value, n) order by e.n;
    if m.dead_letter is not null then
      insert into dead_letters (organization_id, workspace_id, id, kind, task_id, reason, summary)
      values (p_organization, m.workspace_id, (m.dead_letter ->> 'id')::uuid, 'task', m.id, m.dead_letter ->> 'reason',
              jsonb_strip_nulls(jsonb_build_object('title', v_before.title, 'priority', v_before.priority, 'attempts', v_before.attempts,
                                                   'error', coalesce(m.error, v_before.last_error))));
    end if;
    if v_before.execution_id is not null then
      v_settlements := v_settlements || settlement_of(v_before, m."to", m.attempt ->> 'kind', m.actor, m.settle);
    end if;
    if v_before.lease_agent_id is not null and v_before.lease_agent_id <> all(v_agents) then
      v_agents := v_agents || v_before.lease_agent_id;
      v_actors := v_actors || m.actor;
    end if;
    if v_before.lease_agent_id is not null and (m.attempt ->> 'kind' = 'unacknowledged' or is_agents_failure(m.attempt ->> 'kind')) then
      v_failed := v_failed || v_before.lease_agent_id;
    end if;

    update tasks t
       set status = m."to", status_since = case when t.status = m."to" then t.status_since else now() end,
           attempts = coalesce(m.attempts, t.attempts),
           next_retry_at = coalesce(m.retry_at, now() + m.delay_ms * interval '1 millisecond'), retry_reason = m.retry_reason,
           lease_id = null, lease_agent_id = null, lease_expires_at = null, leased_at = null, ack_by = null, acked_at = null,
           stalled_at = null, timeout_at = null, execution_id = null,
           blocker_reason = m.blocker_reason, completion_message = coalesce(m.message, t.completion_message),
           evidence_ref = coalesce(m.evidence_ref, t.evidence_ref), evidence = coalesce(m.evidence, t.evidence),
           result = coalesce(m.result, t.result), outcome = coalesce(m.outcome, t.outcome), last_error = coalesce(m.error, t.last_error),
           breach_at = case when m."to" in ('done', 'failed', 'cancelled') then null
                            when t.status = 'failed' and t.breached_at is null then t.due_at else t.breach_at end,
           -- Whoever brings an expired task back wants it done all the same.
           expires_at = case when t.status = 'failed' and t.expires_at <= now() then null else t.expires_at end,
           look_at = now() + interval '1 minute', waiting_reason = null, updated_at = now(), version = t.version + 1,
           ended_at = case when m."to" in ('done', 'failed', 'cancelled') then now() end
     where t.workspace_id = m.workspace_id and t.id = m.id
    returning * into v_after;
    return next v_after;
  end loop;

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
    for m in select o.actor, array_agg(o.agent order by o.agent) as agents
               from unnest(v_agents, v_actors) as o(agent, actor) group by o.actor order by o.actor
    loop
      perform judge_agents(p_organization, m.agents, v_failed, m.actor);
    end loop;
  end if;
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
