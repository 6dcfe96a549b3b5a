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

-- What each item means for the execution it names, which stands at the same place in p_before. Reads no table.
create or replace function plan_resolutions(p_items jsonb, p_before executions[])
returns table (n bigint, verdict text, moves boolean, late boolean, target text, cost bigint, held_delta bigint, spent_delta bigint,
               overage_delta bigint, unreserved_delta bigint, before executions, input_tokens bigint, output_tokens bigint,
               cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint, reported_nano bigint, duration_ms bigint,
               error text, summary text, price_settled jsonb, digest text, actor text)
language plpgsql stable rows 1 as $$
#variable_conflict use_column
begin
  return query
  select j.n, j.verdict, j.verdict in ('resolved', 'late'), j.verdict = 'late', j.target, j.cost,
         -(j.e).held_nano, d.spent, d.overage,
         -- What comes late and is no overage. A late answer may also be lower than the last report: that only gives room.
         case when j.verdict = 'late' then greatest(d.spent - d.overage, 0) else 0 end, j.e,
         coalesce(j.input_tokens, (j.e).input_tokens), coalesce(j.output_tokens, (j.e).output_tokens),
         coalesce(j.cache_read_tokens, (j.e).cache_read_tokens), coalesce(j.cache_write_tokens, (j.e).cache_write_tokens),
         coalesce(j.reasoning_tokens, (j.e).reasoning_tokens), coalesce(j.reported_nano, (j.e).reported_nano),
         coalesce(j.duration_ms, (j.e).duration_ms), coalesce(j.error, (j.e).error), coalesce(j.summary, (j.e).summary),
         coalesce(j.price_settled, (j.e).price_settled), j.digest, j.actor
    from (
      select i.*, b.e, coalesce(i.cost_nano, (b.e).cost_nano) as cost,
             case when (b.e).status = 'expired' then coalesce((b.e).cost_nano, 0) else 0 end as counted,
             case when (b.e).id is null then 'missing'
                  when (b.e).status = 'denied' then 'denied'
                  when (b.e).completion_digest is not null and (b.e).completion_digest = i.digest then 'repeated'
                  when (b.e).status not in ('admitted', 'expired') then 'conflict'
                  when i.target = 'succeeded' and i.cost_nano is null and (b.e).cost_nano is null then 'usage_required'
                  when (b.e).status = 'expired' then 'late'
                  else 'resolved' end as verdict
        from rows from (jsonb_to_recordset(p_items) as (
               workspace_id uuid, id uuid, target text, digest text, cost_nano bigint, input_tokens bigint, output_tokens bigint,
               cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint, reported_nano bigint,
               duration_ms bigint, error text, summary text, price_settled jsonb, actor text))
             with ordinality as i(workspace_id, id, target, digest, cost_nano, input_tokens, output_tokens, cache_read_tokens,
                                  cache_write_tokens, reasoning_tokens, reported_nano, duration_ms, error, summary, price_settled,
                                  actor, n)
       cross join lateral (select p_before[i.n::int] as e) b
    ) j
   cross join lateral (
     select coalesce(j.cost, 0) - j.counted as spent,
            greatest(coalesce(j.cost, 0) - (j.e).declared_nano, 0) - (j.e).overage_nano as overage
   ) d;
end $$;

-- A plan may have been made while the tables were empty, and is kept: LATERAL with FOR UPDATE, `= any`, rows 1 above and
-- the settings leave the planner only the way by primary key.
create or replace function resolve_executions(p_organization uuid, p_items jsonb)
returns table (verdict text, execution executions) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_before executions[];
  v_budgets uuid[];
  v_starts timestamptz[];
begin
  perform enter_tenant(p_organization, null);
  -- Aggregated as the row type it is: an anonymous record would be turned into text and back.
  select array_agg(i.e order by i.n) into v_before
    from (
      select i.n, found.e from (
        select * from rows from (jsonb_to_recordset(p_items) as (workspace_id uuid, id uuid)) with ordinality as i(workspace_id, id, n)
         order by workspace_id, id
      ) i
      left join lateral (
        select e from executions e where e.workspace_id = i.workspace_id and e.id = i.id for update
      ) found on true
    ) i;
  select array_agg(w.budget_id), array_agg(w.window_start) into v_budgets, v_starts
    from (
      select distinct l.budget_id, l.window_start
        from unnest(v_before) b, unnest(b.budget_ids, b.window_starts) as l(budget_id, window_start)
       where b.status in ('admitted', 'expired')
       order by 1, 2
    ) l
   cross join lateral (
     select w.budget_id, w.window_start from budget_windows w
      where w.budget_id = l.budget_id and w.window_start = l.window_start for update
   ) w;

  return query
  with plan as materialized (
    select * from plan_resolutions(p_items, v_before)
  ), moved as (
    update budget_windows w
       set held_nano = w.held_nano + l.held, spent_nano = w.spent_nano + l.spent,
           overage_nano = w.overage_nano + l.overage, unreserved_nano = w.unreserved_nano + l.unreserved
      from (
        select l.budget_id, l.window_start, sum(p.held_delta)::bigint as held, sum(p.spent_delta)::bigint as spent,
               sum(p.overage_delta)::bigint as overage, sum(p.unreserved_delta)::bigint as unreserved
          from plan p, unnest((p.before).budget_ids, (p.before).window_starts) as l(budget_id, window_start)
         where p.moves
         group by 1, 2
      ) l
     where w.budget_id = any(v_budgets) and w.budget_id = l.budget_id and w.window_start = l.window_start
  ), changed as (
    update executions e
       set status = p.target, cost_nano = p.cost, overage_nano = e.overage_nano + p.overage_delta, held_nano = 0,
           hold_expires_at = null, ended_at = now(), late = p.late, input_tokens = p.input_tokens, output_tokens = p.output_tokens,
           cache_read_tokens = p.cache_read_tokens, cache_write_tokens = p.cache_write_tokens,
           reasoning_tokens = p.reasoning_tokens, reported_nano = p.reported_nano, duration_ms = p.duration_ms, error = p.error,
           summary = p.summary, price_settled = p.price_settled, completion_digest = p.digest
      from plan p
     where p.moves and e.workspace_id = (p.before).workspace_id and e.id = (p.before).id
    returning p.n, p.verdict, e as execution
  ), settled as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts,
                        held_delta, spent_delta, overage_delta, unreserved_delta)
    select p_organization, (p.before).workspace_id, gen_random_uuid(),
           case p.target when 'cancelled' then 'execution.cancelled' when 'expired' then 'execution.expired'
                         else 'execution.settled' end,
           p.actor, 'execution:' || (p.before).id,
           jsonb_build_object(
             'executionId', (p.before).id, 'agentId', (p.before).agent_id, 'model', (p.before).model,
             'provider', (p.before).provider, 'trigger', (p.before).trigger, 'status', p.target, 'late', p.late,
             'costUsd', nano_to_usd(p.cost), 'overageUsd', nano_to_usd((p.before).overage_nano + p.overage_delta),
             'startedAt', iso_time((p.before).started_at),
             'adds', jsonb_build_object(
               'executions', case when (p.before).status = 'expired' then 0 else 1 end,
               'inputTokens', p.input_tokens - case when (p.before).status = 'expired' then (p.before).input_tokens else 0 end,
               'outputTokens', p.output_tokens - case when (p.before).status = 'expired' then (p.before).output_tokens else 0 end,
               'costUsd', nano_to_usd(p.spent_delta))),
           (p.before).budget_ids, (p.before).window_starts, p.held_delta, p.spent_delta, p.overage_delta, p.unreserved_delta
      from plan p where p.moves
     order by p.n
  ), unpriced as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    select p_organization, (p.before).workspace_id, gen_random_uuid(), 'execution.unpriced', p.actor, 'execution:' || (p.before).id,
           jsonb_build_object('executionId', (p.before).id, 'model', (p.before).model, 'provider', (p.before).provider,
                              'inputTokens', p.input_tokens, 'outputTokens', p.output_tokens)
      from plan p
     where p.moves and coalesce(p.cost, 0) = 0 and p.input_tokens + p.output_tokens > 0
  )
  select a.verdict, a.execution
    from (select c.n, c.verdict, c.execution from changed c
          union all
          select p.n, p.verdict, p.before from plan p where not p.moves) a
   order by a.n;

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
