-- Group commit of admissions. One call decides a whole batch of one organization and writes it, durably, at once:
-- the batch pays for one transaction, one fsync and one lock of each hot counter instead of one per run.
--
-- Protocol
--   1. The money lock, shared: nobody changes a limit or a scope while the batch runs.
--   2. The policy version the caller matched budgets with must still be current, or nothing is done (stale).
--   3. The windows of all budgets of the batch are locked in ascending budget id: every writer of counters locks in
--      that order, so batches of several gateways queue up and never deadlock.
--   4. The runs are judged one after the other, in order of arrival, each against the counters as the ones before
--      it left them: a run is admitted only if it fits into ALL enforcing budgets that match it, and a run that is
--      refused by one budget takes nothing from the others.
--   5. Counters, executions and events are written set-based.
--
-- Parameters
--   p_budgets       distinct budgets of the batch, ascending
--   p_asked         per budget: what the requests it covers ask for together, nano-USD
--   p_requests      the rows to write, in order of arrival; legs are 1-based indexes into p_budgets; may_exist marks a
--                   retried request whose id is derived from its idempotency key
--   p_may_exist     whether one of p_requests is so marked
-- Returns
--   stale           the policy moved on; match again and retry
--   judged_at       the database's clock
--   names, limits   per budget
--   spent, held     per budget: its counters as the batch found them
--   terms           per budget: {id, name, scope…, mode, figures, windowEnd}; null when all are admitted
--   verdicts        per request: admitted | budget_exceeded | budget_frozen | existing; null: all are admitted
--   bindings        per request: 1-based budget that refused it, else 0; null when all are admitted
--   held_after      per leg, in order of requests: what its budget held once the request was judged; null when all are admitted
create or replace function admit_executions(
  p_organization uuid, p_policy_version bigint, p_budgets uuid[], p_asked bigint[], p_requests json, p_may_exist boolean,
  out stale boolean, out judged_at timestamptz, out names text[], out limits bigint[], out spent bigint[], out held bigint[],
  out terms json, out verdicts text[], out bindings int[], out held_after bigint[]
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_version bigint;
  v_starts timestamptz[];
  v_ends timestamptz[];
  v_limits bigint[]; -- null where nothing is refused (observe)
  v_frozen boolean[];
  v_are_open boolean;
  v_asked bigint[] := p_asked;
  v_all_fit boolean;
  -- Only where the runs are judged one after the other
  v_amounts bigint[];
  v_existing boolean[];
  v_held bigint[];
  v_leg_request int[];
  v_leg_budget int[];
  v_leg int := 1;
  v_first int;
  v_budget int;
  v_available bigint;
  v_least bigint;
begin
  perform enter_tenant(p_organization, null), lock_money_shared(p_organization);
  judged_at := now();

  -- Under the money lock none of this changes any more; only the counters do, until they are locked too.
  select (select policy_version from organizations where id = p_organization), coalesce(bool_and(t.is_open), true),
         array_agg(t.window_start order by t.n), array_agg(t.window_end order by t.n), array_agg(t.enforced_limit order by t.n),
         array_agg(t.is_frozen order by t.n), array_agg(t.name order by t.n), array_agg(t.limit_nano order by t.n)
    into v_version, v_are_open, v_starts, v_ends, v_limits, v_frozen, names, limits
    from (
      select u.n, c.window_start, c.window_end, b.frozen_at is not null as is_frozen, w.budget_id is not null as is_open,
             b.name, b.limit_nano, case when b.mode = 'enforce' then b.limit_nano end as enforced_limit
        from unnest(p_budgets) with ordinality as u(id, n)
        join budgets b on b.id = u.id
       cross join lateral budget_window(b.period, b.timezone, b.week_start, judged_at) c
        left join budget_windows w on w.budget_id = b.id and w.window_start = c.window_start
    ) t;
  stale := v_version is distinct from p_policy_version;
  if stale then
    return;
  end if;

  if not v_are_open then
    insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end)
    select b.organization_id, b.workspace_id, b.id, u.window_start, u.window_end
      from unnest(p_budgets, v_starts, v_ends) as u(id, window_start, window_end) join budgets b on b.id = u.id
     order by b.id
    on conflict do nothing;
  end if;

  -- Nearly always everything fits, and then one sum per budget says all that judging one after the other would.
  select array_agg(t.spent_nano order by t.n), array_agg(t.held_nano order by t.n),
         coalesce(bool_and(not v_frozen[t.n] and coalesce(t.spent_nano::numeric + t.held_nano + p_asked[t.n] <= v_limits[t.n], true)), true)
    into spent, held, v_all_fit
    from (
      select u.n, w.spent_nano, w.held_nano
        from unnest(p_budgets, v_starts) with ordinality as u(id, window_start, n)
        join budget_windows w on w.budget_id = u.id and w.window_start = u.window_start
       order by w.budget_id
         for update of w
    ) t;

  if not v_all_fit or p_may_exist then
    select json_agg(json_build_object(
             'id', b.id, 'name', b.name, 'workspaceId', b.workspace_id, 'agentId', b.agent_id, 'model', b.model,
             'provider', b.provider, 'trigger', b.trigger, 'tags', b.tags, 'mode', b.mode, 'frozenReason', b.frozen_reason,
             'limitNano', b.limit_nano::text, 'spentNano', spent[u.n]::text, 'windowEnd', iso_time(v_ends[u.n])) order by u.n)
      into terms
      from unnest(p_budgets) with ordinality as u(id, n) join budgets b on b.id = u.id;
    select array_agg(r.requested_nano order by r.n), array_agg(e.id is not null order by r.n) into v_amounts, v_existing
      from rows from (json_to_recordset(p_requests) as (workspace_id uuid, id uuid, requested_nano bigint, may_exist boolean))
           with ordinality as r(workspace_id, id, requested_nano, may_exist, n)
      left join lateral (
        select e.id from executions e where r.may_exist and e.workspace_id = r.workspace_id and e.id = r.id offset 0
      ) e on true;
    select array_agg(r.n order by r.n, l.o), array_agg(l.budget order by r.n, l.o) into v_leg_request, v_leg_budget
      from rows from (json_to_recordset(p_requests) as (legs int[])) with ordinality as r(legs, n)
     cross join unnest(r.legs) with ordinality as l(budget, o);
    v_held := held;
    verdicts := array_fill('admitted'::text, array[cardinality(v_amounts)]);
    bindings := array_fill(0, array[cardinality(v_amounts)]);
    held_after := array_fill(0::bigint, array[coalesce(cardinality(v_leg_request), 0)]);
    for i in 1..cardinality(v_amounts) loop
      v_first := v_leg;
      v_least := null;
      if v_existing[i] then
        verdicts[i] := 'existing';
      end if;
      while v_leg_request[v_leg] = i loop
        v_budget := v_leg_budget[v_leg];
        if verdicts[i] = 'existing' then
          null;
        elsif v_frozen[v_budget] then
          if verdicts[i] <> 'budget_frozen' then
            verdicts[i] := 'budget_frozen';
            bindings[i] := v_budget;
          end if;
        elsif v_limits[v_budget] is not null then
          v_available := v_limits[v_budget] - spent[v_budget] - v_held[v_budget];
          if v_amounts[i] > v_available and verdicts[i] <> 'budget_frozen' and (v_least is null or v_available < v_least) then
            verdicts[i] := 'budget_exceeded';
            bindings[i] := v_budget;
            v_least := v_available;
          end if;
        end if;
        v_leg := v_leg + 1;
      end loop;
      for l in v_first..v_leg - 1 loop
        v_budget := v_leg_budget[l];
        if verdicts[i] = 'admitted' then
          v_held[v_budget] := v_held[v_budget] + v_amounts[i];
        end if;
        held_after[l] := v_held[v_budget];
      end loop;
    end loop;
    v_asked := array(select a - b from unnest(v_held, held) with ordinality as u(a, b, n) order by n);
  end if;

  update budget_windows w set held_nano = w.held_nano + u.asked
    from unnest(p_budgets, v_starts, v_asked) as u(budget_id, window_start, asked)
   where w.budget_id = u.budget_id and w.window_start = u.window_start and u.asked <> 0;

  with judged as (
    select r.*, coalesce(verdicts[r.n], 'admitted') as verdict,
           coalesce(array(select v_starts[x] from unnest(r.legs) x), '{}') as starts,
           coalesce(array(select p_budgets[x] from unnest(r.legs) x), '{}') as ids,
           case when bindings[r.n] > 0 then (terms -> (bindings[r.n] - 1))::jsonb end as binding
      from rows from (json_to_recordset(p_requests) as (
             workspace_id uuid, id uuid, denied_id uuid, agent_id uuid, agent_name text, model text, provider text, trigger text,
             task_id text, parent_id uuid, tags jsonb, metadata jsonb, estimate jsonb, requested_nano bigint, requested_usd text,
             hold_seconds int, price_held jsonb, created_by text, legs int[]))
           with ordinality as r(workspace_id, id, denied_id, agent_id, agent_name, model, provider, trigger, task_id, parent_id, tags,
                                metadata, estimate, requested_nano, requested_usd, hold_seconds, price_held, created_by, legs, n)
     where verdicts is null or verdicts[r.n] <> 'existing'
  ), written as (
    insert into executions (
      organization_id, workspace_id, id, status, agent_id, model, provider, trigger, task_id, parent_id, tags, metadata, estimate,
      requested_nano, held_nano, declared_nano, budget_ids, window_starts, hold_seconds, hold_expires_at, started_at, ended_at,
      price_held, denial, created_by)
    select p_organization, workspace_id, case when verdict = 'admitted' then id else denied_id end,
           case when verdict = 'admitted' then 'admitted' else 'denied' end, agent_id, model, provider, trigger, task_id, parent_id,
           tags, metadata, estimate, requested_nano, case when verdict = 'admitted' then requested_nano else 0 end,
           case when verdict = 'admitted' then requested_nano else 0 end, ids, starts, hold_seconds,
           case when verdict = 'admitted' then judged_at + make_interval(secs => hold_seconds) end, judged_at,
           case when verdict = 'admitted' then null else judged_at end, price_held,
           case when verdict = 'admitted' then null else jsonb_build_object('code', verdict, 'budget', binding) end, created_by
      from judged
  )
  insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts, held_delta)
  select p_organization, workspace_id, gen_random_uuid(),
         case when verdict = 'admitted' then 'execution.admitted' else 'execution.denied' end, created_by,
         'execution:' || case when verdict = 'admitted' then id else denied_id end,
         case when verdict <> 'admitted' then d.data || jsonb_build_object('code', verdict, 'budgetId', binding ->> 'id',
                                                                           'budgetName', binding ->> 'name')
              when price_held ->> 'source' = 'unknown' then d.data || '{"unpriced": true}'
              else d.data end,
         case when verdict = 'admitted' then ids end, case when verdict = 'admitted' then starts end,
         case when verdict = 'admitted' then requested_nano end
    from judged
   cross join lateral (
     select jsonb_build_object('executionId', case when verdict = 'admitted' then id else denied_id end, 'agent', agent_name,
                               'agentId', agent_id, 'model', model, 'provider', provider, 'trigger', trigger,
                               'requestedUsd', requested_usd) as data
   ) d
   order by n;
end $$;
