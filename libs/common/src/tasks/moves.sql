-- Every way in which a task leaves a status other than by a lease, for one task or a thousand: the move is decided before,
-- on rows the caller has locked in ascending (workspace, id); here it is written. Whatever lease there was ends.
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
  v_settlements jsonb;
  v_agents uuid[];
begin
  perform enter_tenant(p_organization, null);

  select array_agg(distinct t.lease_agent_id) filter (where t.lease_agent_id is not null),
         jsonb_agg(jsonb_build_object('workspace_id', t.workspace_id, 'id', t.execution_id, 'actor', m.actor,
                                      'digest', 'task ' || t.id || ' ' || t.lease_fence,
                                      'cost_nano', case when m."to" in ('done', 'review') then coalesce(e.cost_nano, 0) end,
                                      'target', case when m."to" in ('done', 'review') then 'succeeded' when m."to" = 'cancelled' then 'cancelled'
                                                     when m.attempt ->> 'kind' = 'timeout' then 'timeout' else 'failed' end)
                   || coalesce(m.settle, '{}') order by t.workspace_id, t.execution_id) filter (where t.execution_id is not null)
    into v_agents, v_settlements
    from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text, actor text, attempt jsonb, settle jsonb)
    join tasks t on t.workspace_id = m.workspace_id and t.id = m.id
    left join executions e on e.workspace_id = t.workspace_id and e.id = t.execution_id;

  update task_attempts a
     set ended_at = now(), kind = m.attempt ->> 'kind', error = m.attempt ->> 'error', error_type = m.attempt ->> 'error_type'
    from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, attempt jsonb)
    join tasks t on t.workspace_id = m.workspace_id and t.id = m.id
   where a.workspace_id = t.workspace_id and a.task_id = t.id and a.fence = t.lease_fence and a.ended_at is null
     and m.attempt is not null;

  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, t.workspace_id, gen_random_uuid(), e.value ->> 'type', m.actor, 'task:' || t.id,
         jsonb_strip_nulls(jsonb_build_object('taskId', t.id, 'title', t.title, 'from', t.status, 'to', m."to", 'attempt', t.attempts,
                                              'fence', t.lease_fence, 'agentId', t.lease_agent_id))
         || coalesce(e.value -> 'data', '{}')
    from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text, actor text, events jsonb)
    join tasks t on t.workspace_id = m.workspace_id and t.id = m.id
   cross join lateral jsonb_array_elements(m.events) with ordinality as e(value, n)
   order by t.id, e.n;

  insert into dead_letters (organization_id, workspace_id, id, kind, task_id, reason, summary)
  select p_organization, t.workspace_id, (m.dead_letter ->> 'id')::uuid, 'task', t.id, m.dead_letter ->> 'reason',
         jsonb_strip_nulls(jsonb_build_object('title', t.title, 'priority', t.priority, 'attempts', t.attempts,
                                              'error', coalesce(m.error, t.last_error)))
    from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, dead_letter jsonb, error text)
    join tasks t on t.workspace_id = m.workspace_id and t.id = m.id
   where m.dead_letter is not null;

  return query
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
    from jsonb_to_recordset(p_moves) as m(
           workspace_id uuid, id uuid, "to" text, attempts int, delay_ms float8, retry_at timestamptz, retry_reason text,
           blocker_reason text, message text, evidence_ref text, evidence jsonb, result jsonb, outcome text, error text)
   where t.workspace_id = m.workspace_id and t.id = m.id
  returning t.*;

  perform release_dependents(p_moves);
  if v_settlements is not null then
    perform resolve_executions(p_organization, v_settlements);
  end if;
  if v_agents is not null then
    perform note_agents(p_organization, v_agents, false, p_moves #>> '{0,actor}');
  end if;
end $$;

-- Tasks that waited for those just done wait for one less.
create or replace function release_dependents(p_moves jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if not p_moves @> '[{"to": "done"}]' then
    return;
  end if;
  perform 1 from tasks t
    join (select distinct d.workspace_id, d.task_id
            from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text)
            join task_dependencies d on d.workspace_id = m.workspace_id and d.depends_on_id = m.id
           where m."to" = 'done') w on w.workspace_id = t.workspace_id and w.task_id = t.id
   order by t.workspace_id, t.id for update of t;
  update tasks t set open_dependencies = t.open_dependencies - w.finished, updated_at = now()
    from (select d.workspace_id, d.task_id, count(*)::int as finished
            from jsonb_to_recordset(p_moves) as m(workspace_id uuid, id uuid, "to" text)
            join task_dependencies d on d.workspace_id = m.workspace_id and d.depends_on_id = m.id
           where m."to" = 'done'
           group by d.workspace_id, d.task_id) w
   where t.workspace_id = w.workspace_id and t.id = w.task_id;
end $$;
