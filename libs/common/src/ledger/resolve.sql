-- Resolves holds: completions, cancellations and expiries of one organization, a batch at a time. A hold is resolved
-- exactly once, in the windows it was pinned to, also after midnight.
--
-- Locks: the executions in ascending (workspace, id), then the windows in ascending (budget, start): the same order as
-- everyone. An execution may stand only once in a batch.
--
-- p_items  [{workspace_id, id, to, digest, actor, cost_nano?, …}], `to` being the status asked for.
--          cost_nano null: what the run has reported so far.
-- Verdicts
--   resolved        the hold was live
--   late            it had expired; the money was spent all the same and is added now
--   repeated        the same answer again: nothing changes
--   conflict        another answer was given before
--   denied          it never ran
--   usage_required  a success without usage, and none was ever reported
--   missing

-- What each item means for the execution it names, as that execution is now. Writes nothing.
create or replace function plan_resolutions(p_items jsonb)
returns table (n bigint, verdict text, moves boolean, workspace_id uuid, id uuid, target text, cost bigint, late boolean,
               held_delta bigint, spent_delta bigint, overage_delta bigint, unreserved_delta bigint,
               budget_ids uuid[], window_starts timestamptz[])
language sql stable as $$
  select j.n, j.verdict, j.verdict in ('resolved', 'late'), j.workspace_id, j.id, j.target, j.cost, j.verdict = 'late',
         -j.held_nano, coalesce(j.cost, 0) - j.counted,
         greatest(coalesce(j.cost, 0) - j.declared_nano, 0) - j.overage_nano,
         case when j.verdict = 'late' then coalesce(j.cost, 0) - j.counted else 0 end,
         j.budget_ids, j.window_starts
    from (
      select i.n, i.workspace_id, i.id, i.target, coalesce(i.cost_nano, e.cost_nano) as cost, e.held_nano, e.declared_nano,
             e.overage_nano, e.budget_ids, e.window_starts,
             case when e.status = 'expired' then coalesce(e.cost_nano, 0) else 0 end as counted,
             case when e.id is null then 'missing'
                  when e.status = 'denied' then 'denied'
                  when e.completion_digest is not null and e.completion_digest = i.digest then 'repeated'
                  when e.status not in ('admitted', 'expired') then 'conflict'
                  when i.target = 'succeeded' and i.cost_nano is null and e.cost_nano is null then 'usage_required'
                  when e.status = 'expired' then 'late'
                  else 'resolved' end as verdict
        from rows from (jsonb_to_recordset(p_items) as (
               workspace_id uuid, id uuid, target text, digest text, cost_nano bigint))
             with ordinality as i(workspace_id, id, target, digest, cost_nano, n)
        left join executions e on e.workspace_id = i.workspace_id and e.id = i.id
    ) j
$$;

create or replace function resolve_executions(p_organization uuid, p_items jsonb)
returns table (verdict text, execution executions) language plpgsql as $$
#variable_conflict use_column
declare
  v_budgets uuid[];
  v_starts timestamptz[];
begin
  perform enter_tenant(p_organization, null);
  perform 1 from executions e
    join jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid) on i.workspace_id = e.workspace_id and i.id = e.id
   order by e.workspace_id, e.id for update of e;

  select array_agg(w.budget_id), array_agg(w.window_start) into v_budgets, v_starts
    from (
      select w.budget_id, w.window_start from budget_windows w
        join (select distinct l.* from plan_resolutions(p_items) p, unnest(p.budget_ids, p.window_starts) as l(budget_id, window_start)
               where p.moves) l on l.budget_id = w.budget_id and l.window_start = w.window_start
       order by w.budget_id, w.window_start for update of w
    ) w;

  update budget_windows w
     set held_nano = w.held_nano + l.held, spent_nano = w.spent_nano + l.spent,
         overage_nano = w.overage_nano + l.overage, unreserved_nano = w.unreserved_nano + l.unreserved
    from (
      select l.budget_id, l.window_start, sum(p.held_delta)::bigint as held, sum(p.spent_delta)::bigint as spent,
             sum(p.overage_delta)::bigint as overage, sum(p.unreserved_delta)::bigint as unreserved
        from plan_resolutions(p_items) p, unnest(p.budget_ids, p.window_starts) as l(budget_id, window_start)
       where p.moves
       group by 1, 2
    ) l
   where w.budget_id = l.budget_id and w.window_start = l.window_start;

  return query
  with plan as materialized (select * from plan_resolutions(p_items)),
  item as (
    select r.* from rows from (jsonb_to_recordset(p_items) as (
             input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,
             reported_nano bigint, duration_ms bigint, error text, summary text, price_settled jsonb, digest text, actor text))
           with ordinality as r(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
                                reported_nano, duration_ms, error, summary, price_settled, digest, actor, n)
  ), before as materialized (
    select p.n, e.input_tokens, e.output_tokens, e.status from plan p
      join executions e on e.workspace_id = p.workspace_id and e.id = p.id
  ), changed as (
    update executions e
       set status = p.target, cost_nano = p.cost, overage_nano = e.overage_nano + p.overage_delta, held_nano = 0,
           hold_expires_at = null, ended_at = now(), late = p.late,
           input_tokens = coalesce(i.input_tokens, e.input_tokens), output_tokens = coalesce(i.output_tokens, e.output_tokens),
           cache_read_tokens = coalesce(i.cache_read_tokens, e.cache_read_tokens),
           cache_write_tokens = coalesce(i.cache_write_tokens, e.cache_write_tokens),
           reasoning_tokens = coalesce(i.reasoning_tokens, e.reasoning_tokens),
           reported_nano = coalesce(i.reported_nano, e.reported_nano), duration_ms = coalesce(i.duration_ms, e.duration_ms),
           error = coalesce(i.error, e.error), summary = coalesce(i.summary, e.summary),
           price_settled = coalesce(i.price_settled, e.price_settled), completion_digest = i.digest
      from plan p join item i using (n)
     where p.moves and e.workspace_id = p.workspace_id and e.id = p.id
    returning p.n, e as execution
  ), settled as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts,
                        held_delta, spent_delta, overage_delta, unreserved_delta)
    select p_organization, p.workspace_id, gen_random_uuid(),
           case p.target when 'cancelled' then 'execution.cancelled' when 'expired' then 'execution.expired'
                         else 'execution.settled' end,
           i.actor, 'execution:' || p.id,
           jsonb_build_object(
             'executionId', p.id, 'agentId', (c.execution).agent_id, 'model', (c.execution).model,
             'provider', (c.execution).provider, 'trigger', (c.execution).trigger, 'status', p.target, 'late', p.late,
             'costUsd', nano_to_usd(p.cost), 'overageUsd', nano_to_usd((c.execution).overage_nano),
             'startedAt', iso_time((c.execution).started_at),
             'adds', jsonb_build_object(
               'executions', case when b.status = 'expired' then 0 else 1 end,
               'inputTokens', (c.execution).input_tokens - case when b.status = 'expired' then b.input_tokens else 0 end,
               'outputTokens', (c.execution).output_tokens - case when b.status = 'expired' then b.output_tokens else 0 end,
               'costUsd', nano_to_usd(p.spent_delta))),
           p.budget_ids, p.window_starts, p.held_delta, p.spent_delta, p.overage_delta, p.unreserved_delta
      from plan p join item i using (n) join before b using (n) join changed c using (n)
     order by p.n
  ), unpriced as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    select p_organization, p.workspace_id, gen_random_uuid(), 'execution.unpriced', i.actor, 'execution:' || p.id,
           jsonb_build_object('executionId', p.id, 'model', (c.execution).model, 'provider', (c.execution).provider,
                              'inputTokens', (c.execution).input_tokens, 'outputTokens', (c.execution).output_tokens)
      from plan p join item i using (n) join changed c using (n)
     where coalesce(p.cost, 0) = 0 and (c.execution).input_tokens + (c.execution).output_tokens > 0
  )
  select p.verdict, coalesce(c.execution, e)
    from plan p
    left join changed c using (n)
    left join executions e on e.workspace_id = p.workspace_id and e.id = p.id
   order by p.n;

  if v_budgets is not null then
    perform fire_alerts(p_organization, v_budgets, v_starts);
  end if;
end $$;

-- Resolves up to p_limit holds whose time is up. A run that reported usage has spent it; the rest of its hold is free again.
create or replace function expire_holds(p_organization uuid, p_limit int) returns bigint language plpgsql as $$
#variable_conflict use_column
declare
  v_items jsonb;
begin
  perform enter_tenant(p_organization, null);
  select jsonb_agg(jsonb_build_object('workspace_id', d.workspace_id, 'id', d.id, 'target', 'expired', 'actor', 'system'))
    into v_items
    from (select workspace_id, id from executions
           where organization_id = p_organization and status = 'admitted' and hold_expires_at <= now()
           order by hold_expires_at limit p_limit for update skip locked) d;
  if v_items is null then
    return 0;
  end if;
  return (select count(*) from resolve_executions(p_organization, v_items) r where r.verdict = 'resolved');
end $$;
