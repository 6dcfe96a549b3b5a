-- What the holder of a lease writes. Every write presents the lease and its fence; one that is not the present one, or has
-- expired by the database's clock, changes nothing.

-- Locks a task and judges a presented lease.
--
-- p_agent   the agent that presents it; null: whoever may act for any
-- Verdicts  held | lease_lost | forbidden | missing
-- holder    {agentId, name, alive, expiresAt} of somebody else's lease, else null
create or replace function judge_lease(
  p_workspace uuid, p_task uuid, p_lease uuid, p_fence bigint, p_agent uuid, out verdict text, out task tasks, out holder jsonb
) language plpgsql
set enable_seqscan = off as $$
#variable_conflict use_column
begin
  select * into task from tasks t where t.workspace_id = p_workspace and t.id = p_task for no key update;
  if task.id is null then
    verdict := 'missing';
  elsif task.lease_id = p_lease and task.lease_fence = p_fence and task.lease_expires_at > clock_timestamp() then
    verdict := case when p_agent is null or p_agent = task.lease_agent_id then 'held' else 'forbidden' end;
  else
    verdict := 'lease_lost';
    if task.lease_id is not null and task.lease_id <> p_lease then
      holder := (select jsonb_build_object('agentId', a.id, 'name', a.name, 'alive', task.lease_expires_at > clock_timestamp(),
                                           'expiresAt', iso_time(task.lease_expires_at))
                   from agents a where a.id = task.lease_agent_id);
    end if;
  end if;
end $$;

-- Judges several, each as judge_lease does, and locks their tasks in the order in which everybody locks tasks.
--
-- p_items  [{workspace_id, id, lease, fence, agent?}]; agent as p_agent of judge_lease
-- Returns  a row for each, by its place from 1; of its task what is to be known to decide what becomes of it
create or replace function judge_leases(p_items jsonb)
returns table (n int, verdict text, holder jsonb, workspace_id uuid, id uuid, status text, attempts int, retry_policy jsonb,
               output_schema jsonb, lease_agent_id uuid)
language sql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
  select j.n, j.verdict,
         case when j.verdict = 'lease_lost' and j.lease_id <> j.lease then (
           select jsonb_build_object('agentId', a.id, 'name', a.name, 'alive', j.lease_expires_at > clock_timestamp(),
                                     'expiresAt', iso_time(j.lease_expires_at)) from agents a where a.id = j.lease_agent_id) end,
         j.workspace_id, j.id, j.status, j.attempts, j.retry_policy, j.output_schema, j.lease_agent_id
    from (
      select i.n, i.lease, i.workspace_id, i.id, t.status, t.attempts, t.retry_policy, t.output_schema, t.lease_agent_id, t.lease_id,
             t.lease_expires_at,
             case when t.id is null then 'missing'
                  when t.lease_id = i.lease and t.lease_fence = i.fence and t.lease_expires_at > clock_timestamp()
                  then case when i.agent is null or i.agent = t.lease_agent_id then 'held' else 'forbidden' end
                  else 'lease_lost' end as verdict
        from (select o.n::int, x.* from jsonb_array_elements(p_items) with ordinality as o(value, n)
               cross join lateral jsonb_to_record(o.value) as x(workspace_id uuid, id uuid, lease uuid, fence bigint, agent uuid)
               order by x.workspace_id, x.id offset 0) i
        left join lateral (select x.* from tasks x where x.workspace_id = i.workspace_id and x.id = i.id offset 0 for no key update) t on true
      offset 0) j
$$;

-- Extends a lease; p_progress and p_tokens where the holder has something to tell. What it says it has used is cumulative
-- for the attempt. A new checkpoint, or more use, counts as progress.
create or replace function heartbeat_task(
  p_organization uuid, p_workspace uuid, p_task uuid, p_lease uuid, p_fence bigint, p_agent uuid, p_progress jsonb, p_tokens bigint,
  p_actor text, out verdict text, out task tasks, out holder jsonb
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_judged record;
  v_more bigint := 0;
  v_taken_up boolean;
begin
  perform enter_tenant(p_organization, null);
  select * into v_judged from judge_lease(p_workspace, p_task, p_lease, p_fence, p_agent);
  verdict := v_judged.verdict;
  task := v_judged.task;
  holder := v_judged.holder;
  if verdict <> 'held' then
    return;
  end if;
  if p_tokens is not null then
    select greatest(p_tokens - a.tokens_used, 0) into v_more
      from task_attempts a where a.workspace_id = p_workspace and a.task_id = p_task and a.fence = p_fence;
    update task_attempts a set tokens_used = a.tokens_used + v_more
     where a.workspace_id = p_workspace and a.task_id = p_task and a.fence = p_fence and v_more > 0;
  end if;
  if task.token_budget is not null and task.over_token_budget_at is null and task.tokens_used + v_more > task.token_budget then
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    values (p_organization, p_workspace, gen_random_uuid(), 'task.token_budget_exceeded', p_actor, 'task:' || p_task,
            jsonb_build_object('taskId', p_task, 'title', task.title, 'tokenBudget', task.token_budget,
                               'tokensUsed', task.tokens_used + v_more, 'agentId', task.lease_agent_id));
  end if;
  v_taken_up := task.status = 'assigned';
  if v_taken_up then
    perform start_work(p_organization, jsonb_build_array(jsonb_build_object('workspace_id', p_workspace, 'id', p_task, 'actor', p_actor)));
    perform note_acknowledgement(p_organization, task.lease_agent_id, p_actor);
  end if;
  update tasks t
     set lease_expires_at = clock_timestamp() + lease_ttl(p_workspace), progress = coalesce(p_progress, t.progress),
         last_progress_at = case when v_more > 0 or p_progress is distinct from t.progress and p_progress is not null
                                 then now() else t.last_progress_at end,
         stalled_at = case when v_more > 0 or p_progress is distinct from t.progress and p_progress is not null
                           then now() + progress_timeout(p_workspace) else t.stalled_at end,
         tokens_used = t.tokens_used + v_more,
         over_token_budget_at = case when t.tokens_used + v_more > t.token_budget then coalesce(t.over_token_budget_at, now()) end,
         updated_at = now()
   where t.workspace_id = p_workspace and t.id = p_task
  returning * into task;
  -- A workspace may switch these writes off. What the heartbeat has begun is told all the same.
  if v_taken_up or heartbeats_count(p_workspace) then
    perform note_agents(p_organization, array[task.lease_agent_id], true, p_actor);
  end if;
end $$;

-- Whether heartbeats of leases are signs of life of their agents; an agent with a live lease is present in any case.
create or replace function heartbeats_count(p_workspace uuid) returns boolean language sql stable as $$
  select settings #> '{features,heartbeats}' is distinct from 'false'::jsonb from workspaces where id = p_workspace
$$;

-- Offered tasks are taken up: from now on their leases run the full time, and so do their execution timeouts. Items and answers
-- as in judge_leases; each item also names its actor.
create or replace function acknowledge_tasks(p_organization uuid, p_items jsonb) returns table (n int, verdict text, holder jsonb)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v record;
  v_started jsonb := '[]';
  v_agents uuid[] := '{}';
  v_actors text[] := '{}'; -- beside them
begin
  perform enter_tenant(p_organization, null);
  for v in select j.*, p_items -> (j.n - 1) ->> 'actor' as actor from judge_leases(p_items) j loop
    if v.verdict = 'held' and v.status = 'assigned' then
      v_started := v_started || jsonb_build_object('workspace_id', v.workspace_id, 'id', v.id, 'actor', v.actor);
      if v.lease_agent_id <> all(v_agents) then
        v_agents := v_agents || v.lease_agent_id;
        v_actors := v_actors || v.actor;
      end if;
    end if;
    n := v.n;
    verdict := v.verdict;
    holder := v.holder;
    return next;
  end loop;
  if v_started = '[]' then
    return;
  end if;
  perform start_work(p_organization, v_started);
  perform note_acknowledgements(p_organization, v_agents, v_actors);
  for v in select o.actor, array_agg(o.agent order by o.agent) as agents
             from unnest(v_agents, v_actors) as o(agent, actor) group by o.actor order by o.actor
  loop
    perform note_agents(p_organization, v.agents, true, v.actor);
  end loop;
end $$;

-- A batch that passes for one row: see how it is joined.
create or replace function starts_asked(p_items jsonb) returns table (workspace_id uuid, id uuid, actor text, ttl interval)
language sql volatile rows 1 as $$
  select i.workspace_id, i.id, i.actor, w.ttl
    from (select d.workspace_id, lease_ttl(d.workspace_id) as ttl
            from (select distinct (x.value ->> 'workspace_id')::uuid as workspace_id from jsonb_array_elements(p_items) x(value)) d offset 0) w,
         jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid, actor text)
   where i.workspace_id = w.workspace_id
   order by i.workspace_id, i.id
$$;

-- p_items  [{workspace_id, id, actor}] of tasks that are assigned, and locked
create or replace function start_work(p_organization uuid, p_items jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  with started as (
    update tasks t
       set status = 'in_progress', status_since = now(), acked_at = now(), ack_by = null, version = t.version + 1, updated_at = now(),
           lease_expires_at = clock_timestamp() + i.ttl,
           timeout_at = now() + make_interval(secs => t.execution_timeout_seconds)
      from starts_asked(p_items) i
     where t.workspace_id = i.workspace_id and t.id = i.id
    returning i.actor, t.workspace_id, t.id, t.title, t.lease_agent_id, t.attempts, t.lease_fence
  )
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select p_organization, s.workspace_id, gen_random_uuid(), 'task.started', s.actor, 'task:' || s.id,
         jsonb_build_object('taskId', s.id, 'title', s.title, 'agentId', s.lease_agent_id, 'attempt', s.attempts, 'fence', s.lease_fence)
    from started s;
end $$;
