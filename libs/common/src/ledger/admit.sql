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
--   p_leg_request   per leg, ordered by request: the 1-based request it belongs to
--   p_leg_budget    per leg: the 1-based index into p_budgets
--   p_requests      the rows to write; event is the event's data; may_exist marks a retried request whose id is
--                   derived from its idempotency key
-- Returns
--   stale           the policy moved on; match again and retry
--   judged_at       the database's clock
--   budgets         per budget: {id, name, level, scope…, limitNano, spentNano, windowStart, windowEnd}
--   verdicts        per request: admitted | budget_exceeded | budget_frozen | existing
--   bindings        per request: 1-based budget that refused it, else 0
--   held_after      per leg: what the budget held after this request was judged
create or replace function admit_executions(
  p_organization uuid, p_policy_version bigint, p_budgets uuid[], p_leg_request int[], p_leg_budget int[], p_requests jsonb,
  out stale boolean, out judged_at timestamptz, out budgets json, out verdicts text[], out bindings int[], out held_after bigint[]
) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_starts timestamptz[];
  v_limits bigint[]; -- null where nothing is refused (observe)
  v_spent bigint[];
  v_held bigint[];
  v_held_before bigint[];
  v_frozen boolean[];
  v_amounts bigint[];
  v_existing boolean[];
  v_all_fit boolean;
  v_count int;
  v_legs int := coalesce(cardinality(p_leg_request), 0);
  v_leg int := 1;
  v_first int;
  v_budget int;
  v_available bigint;
  v_least bigint;
begin
  perform enter_tenant(p_organization, null);
  perform lock_money_shared(p_organization);
  stale := (select policy_version from organizations where id = p_organization) is distinct from p_policy_version;
  judged_at := now();
  if stale then
    return;
  end if;

  if cardinality(p_budgets) > 0 then
    insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end)
    select b.organization_id, b.workspace_id, b.id, w.window_start, w.window_end
      from budgets b cross join lateral budget_window(b.period, b.timezone, b.week_start, judged_at) w
     where b.id = any(p_budgets)
       and not exists (select 1 from budget_windows x where x.budget_id = b.id and x.window_start = w.window_start)
     order by b.id
    on conflict do nothing;

    select array_agg(t.window_start order by t.n), array_agg(t.enforced_limit order by t.n), array_agg(t.spent_nano order by t.n),
           array_agg(t.held_nano order by t.n), array_agg(t.frozen order by t.n), json_agg(t.described order by t.n)
      into v_starts, v_limits, v_spent, v_held, v_frozen, budgets
      from (
        select u.n, w.window_start, w.spent_nano, w.held_nano, b.frozen_at is not null as frozen,
               case when b.mode = 'enforce' then b.limit_nano end as enforced_limit,
               json_build_object(
                 'id', b.id, 'name', b.name, 'workspaceId', b.workspace_id, 'agentId', b.agent_id, 'model', b.model,
                 'provider', b.provider, 'trigger', b.trigger, 'tags', b.tags, 'mode', b.mode, 'frozenReason', b.frozen_reason,
                 'limitNano', b.limit_nano::text, 'spentNano', w.spent_nano::text,
                 'windowEnd', iso_time(w.window_end)) as described
          from unnest(p_budgets) with ordinality as u(id, n)
          join budgets b on b.id = u.id
         cross join lateral budget_window(b.period, b.timezone, b.week_start, judged_at) c
          join budget_windows w on w.budget_id = b.id and w.window_start = c.window_start
         order by b.id
           for update of w
      ) t;
  end if;
  v_held_before := v_held;

  select array_agg(r.requested_nano order by r.n), array_agg(e.id is not null order by r.n) into v_amounts, v_existing
    from rows from (jsonb_to_recordset(p_requests) as (workspace_id uuid, id uuid, requested_nano bigint, may_exist boolean))
         with ordinality as r(workspace_id, id, requested_nano, may_exist, n)
    left join lateral (
      select e.id from executions e where r.may_exist and e.workspace_id = r.workspace_id and e.id = r.id offset 0
    ) e on true;
  v_count := cardinality(v_amounts);
  bindings := array_fill(0, array[v_count]);

  -- Nearly always everything fits, and then one running sum per budget says all that the loop would.
  select coalesce(array_agg(l.held order by l.n), '{}'),
         coalesce(bool_and(not v_frozen[l.budget] and (v_limits[l.budget] is null or v_spent[l.budget] + l.held <= v_limits[l.budget])), true)
    into held_after, v_all_fit
    from (
      select u.n, u.budget, v_held[u.budget] + sum(case when v_existing[u.request] then 0 else v_amounts[u.request] end)
                                                 over (partition by u.budget order by u.n) as held
        from unnest(p_leg_request, p_leg_budget) with ordinality as u(request, budget, n)
    ) l;
  if v_all_fit then
    verdicts := array(select case when e then 'existing' else 'admitted' end from unnest(v_existing) with ordinality as x(e, n) order by n);
    for l in 1..v_legs loop
      v_held[p_leg_budget[l]] := held_after[l];
    end loop;
  else
    verdicts := array_fill('admitted'::text, array[v_count]);
    held_after := array_fill(0::bigint, array[v_legs]);
  end if;

  for i in 1..case when v_all_fit then 0 else v_count end loop
    v_first := v_leg;
    v_least := null;
    if v_existing[i] then
      verdicts[i] := 'existing';
    end if;
    while v_leg <= v_legs and p_leg_request[v_leg] = i loop
      v_budget := p_leg_budget[v_leg];
      if verdicts[i] = 'existing' then
        null;
      elsif v_frozen[v_budget] then
        if verdicts[i] <> 'budget_frozen' then
          verdicts[i] := 'budget_frozen';
          bindings[i] := v_budget;
        end if;
      elsif v_limits[v_budget] is not null then
        v_available := v_limits[v_budget] - v_spent[v_budget] - v_held[v_budget];
        if v_amounts[i] > v_available and verdicts[i] <> 'budget_frozen' and (v_least is null or v_available < v_least) then
          verdicts[i] := 'budget_exceeded';
          bindings[i] := v_budget;
          v_least := v_available;
        end if;
      end if;
      v_leg := v_leg + 1;
    end loop;
    for l in v_first..v_leg - 1 loop
      v_budget := p_leg_budget[l];
      if verdicts[i] = 'admitted' then
        v_held[v_budget] := v_held[v_budget] + v_amounts[i];
      end if;
      held_after[l] := v_held[v_budget];
    end loop;
  end loop;

  if cardinality(p_budgets) > 0 then
    update budget_windows w set held_nano = u.held
      from unnest(p_budgets, v_starts, v_held, v_held_before) as u(budget_id, window_start, held, before)
     where w.budget_id = u.budget_id and w.window_start = u.window_start and u.held <> u.before;
  end if;

  with judged as (
    select r.*, verdicts[r.n] as verdict, coalesce(array(select v_starts[x] from unnest(r.legs) x), '{}') as starts,
           coalesce(array(select p_budgets[x] from unnest(r.legs) x), '{}') as ids,
           case when bindings[r.n] > 0 then (budgets -> (bindings[r.n] - 1))::jsonb end as binding
      from rows from (jsonb_to_recordset(p_requests) as (
             workspace_id uuid, id uuid, denied_id uuid, agent_id uuid, model text, provider text, trigger text, task_id text,
             parent_id uuid, tags jsonb, metadata jsonb, estimate jsonb, requested_nano bigint, hold_seconds int,
             price_held jsonb, created_by text, event jsonb, legs int[]))
           with ordinality as r(workspace_id, id, denied_id, agent_id, model, provider, trigger, task_id, parent_id, tags,
                                metadata, estimate, requested_nano, hold_seconds, price_held, created_by, event, legs, n)
     where verdicts[r.n] <> 'existing'
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
         case when verdict = 'admitted' then event
              else event || jsonb_build_object('executionId', denied_id, 'code', verdict, 'budgetId', binding ->> 'id',
                                               'budgetName', binding ->> 'name') end,
         case when verdict = 'admitted' then ids end, case when verdict = 'admitted' then starts end,
         case when verdict = 'admitted' then requested_nano end
    from judged
   order by n;
end $$;
