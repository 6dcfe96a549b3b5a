-- Puts executions on record that ran elsewhere and are over: never refused, deduplicated by external id, counted in the
-- windows in which they happened.
--
-- p_items   [{workspace_id, id, external_id, started_at, cost_nano, budget_ids, …}]
-- Returns   per item in order: recorded | duplicate | stale (the policy moved on: match again and retry), and its id
create or replace function record_executions(p_organization uuid, p_policy_version bigint, p_items jsonb)
returns table (verdict text, id uuid) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_budgets uuid[];
  v_starts timestamptz[];
begin
  perform enter_tenant(p_organization, null);
  perform lock_money_shared(p_organization);
  if (select policy_version from organizations o where o.id = p_organization) is distinct from p_policy_version then
    return query select 'stale'::text, null::uuid;
    return;
  end if;

  insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end)
  select distinct on (b.id, w.window_start) b.organization_id, b.workspace_id, b.id, w.window_start, w.window_end
    from jsonb_to_recordset(p_items) as i(started_at timestamptz, budget_ids uuid[]),
         unnest(i.budget_ids) as l(budget_id)
    join budgets b on b.id = l.budget_id
   cross join lateral budget_window(b.period, b.timezone, b.week_start, i.started_at) w
   order by b.id, w.window_start
  on conflict do nothing;

  return query
  with item as (
    select i.*, array(select (budget_window(b.period, b.timezone, b.week_start, i.started_at)).window_start
                        from unnest(i.budget_ids) with ordinality as l(budget_id, o)
                        join budgets b on b.id = l.budget_id order by l.o) as starts
      from rows from (jsonb_to_recordset(p_items) as (
             workspace_id uuid, id uuid, external_id text, status text, agent_id uuid, model text, provider text, trigger text,
             task_id text, parent_id uuid, tags jsonb, metadata jsonb, cost_nano bigint, reported_nano bigint, input_tokens bigint,
             output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,
             started_at timestamptz, ended_at timestamptz, duration_ms bigint, error text, summary text, price_settled jsonb,
             created_by text, budget_ids uuid[]))
           with ordinality as i(workspace_id, id, external_id, status, agent_id, model, provider, trigger, task_id, parent_id, tags,
                                metadata, cost_nano, reported_nano, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
                                reasoning_tokens, started_at, ended_at, duration_ms, error, summary, price_settled, created_by,
                                budget_ids, n)
  ), written as (
    insert into executions (
      organization_id, workspace_id, id, status, agent_id, model, provider, trigger, task_id, parent_id, external_id, tags, metadata,
      requested_nano, held_nano, declared_nano, cost_nano, reported_nano, input_tokens, output_tokens, cache_read_tokens,
      cache_write_tokens, reasoning_tokens, budget_ids, window_starts, hold_seconds, started_at, ended_at, duration_ms, error, summary,
      price_settled, created_by)
    select p_organization, i.workspace_id, i.id, i.status, i.agent_id, i.model, i.provider, i.trigger, i.task_id, i.parent_id,
           i.external_id, i.tags, i.metadata, 0, 0, 0, i.cost_nano, i.reported_nano, i.input_tokens, i.output_tokens,
           i.cache_read_tokens, i.cache_write_tokens, i.reasoning_tokens, i.budget_ids, i.starts, 0, i.started_at, i.ended_at,
           i.duration_ms, i.error, i.summary, i.price_settled, i.created_by
      from item i order by i.external_id
    on conflict (workspace_id, external_id) where external_id is not null do nothing
    returning executions.*
  ), noted as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts,
                        spent_delta, unreserved_delta)
    select p_organization, w.workspace_id, gen_random_uuid(), 'execution.recorded', w.created_by, 'execution:' || w.id,
           jsonb_build_object(
             'executionId', w.id, 'agentId', w.agent_id, 'model', w.model, 'provider', w.provider, 'trigger', w.trigger,
             'status', w.status, 'costUsd', nano_to_usd(w.cost_nano), 'startedAt', iso_time(w.started_at),
             'adds', jsonb_build_object('executions', 1, 'inputTokens', w.input_tokens, 'outputTokens', w.output_tokens,
                                        'costUsd', nano_to_usd(w.cost_nano))),
           w.budget_ids, w.window_starts, w.cost_nano, w.cost_nano
      from written w order by w.started_at
  )
  select case when w.id is null then 'duplicate' else 'recorded' end, coalesce(w.id, e.id)
    from item i
    left join written w on w.id = i.id
    left join lateral (
      select e.id from executions e where e.workspace_id = i.workspace_id and e.external_id = i.external_id offset 0
    ) e on true
   order by i.n;

  -- The rows just written are counted from the table, so that only what was really recorded moves money.
  -- Alerts speak of the present: an import of last month's runs wakes nobody. The present is picked in the aggregate: a
  -- WHERE would sink below the lock, and the windows of the past would be locked later, in no order.
  select array_agg(w.budget_id) filter (where w.window_end > now()), array_agg(w.window_start) filter (where w.window_end > now())
    into v_budgets, v_starts
    from (
      select distinct l.budget_id, l.window_start
        from jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid)
       cross join lateral (select * from executions e where e.workspace_id = i.workspace_id and e.id = i.id offset 0) e,
             unnest(e.budget_ids, e.window_starts) as l(budget_id, window_start)
       order by 1, 2
    ) l
   cross join lateral (
     select * from budget_windows w where w.budget_id = l.budget_id and w.window_start = l.window_start for update
   ) w;

  update budget_windows w set spent_nano = w.spent_nano + l.spent, unreserved_nano = w.unreserved_nano + l.spent
    from (select l.budget_id, l.window_start, sum(e.cost_nano)::bigint as spent
            from jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid)
           cross join lateral (select * from executions e where e.workspace_id = i.workspace_id and e.id = i.id offset 0) e,
                 unnest(e.budget_ids, e.window_starts) as l(budget_id, window_start)
           group by 1, 2) l
   where w.budget_id = l.budget_id and w.window_start = l.window_start;

  if v_budgets is not null then
    perform fire_alerts(p_organization, v_budgets, v_starts);
  end if;
end $$;
