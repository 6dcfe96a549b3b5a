-- A budget that is created in the middle of its window knows what the window has already cost and promised: the settled
-- runs in its scope are its opening balance, and live holds in its scope are pinned to it like to any other budget.
-- The caller holds the money lock exclusively and has inserted the budget in this transaction.
create or replace function open_budget(p_organization uuid, p_budget uuid, p_actor text) returns void language plpgsql as $$
declare
  v_start timestamptz;
  v_end timestamptz;
  v_spent bigint;
  v_held bigint;
  v_overage bigint;
begin
  -- The clock, not now(): waiting for the money lock may have lasted past midnight.
  select w.window_start, w.window_end into v_start, v_end
    from budgets b cross join lateral budget_window(b.period, b.timezone, b.week_start, clock_timestamp()) w where b.id = p_budget;

  -- Admissions and records wait for the money lock; only runs that can still be resolved can change, so only they are
  -- locked, in the order of resolve.sql.
  perform 1
    from budgets b, executions e
   where b.id = p_budget and e.organization_id = b.organization_id and e.status in ('admitted', 'expired')
     and e.started_at >= v_start and e.started_at < v_end and covers(b, e)
   order by e.workspace_id, e.id for update of e;

  update executions e set budget_ids = e.budget_ids || p_budget, window_starts = e.window_starts || v_start
    from budgets b
   where b.id = p_budget and e.organization_id = b.organization_id and e.status in ('admitted', 'expired')
     and e.started_at >= v_start and e.started_at < v_end and covers(b, e);

  select coalesce(sum(e.cost_nano) filter (where e.status <> 'admitted'), 0), coalesce(sum(e.held_nano), 0),
         coalesce(sum(e.overage_nano), 0)
    into v_spent, v_held, v_overage
    from budgets b
    join executions e on e.organization_id = b.organization_id and (b.workspace_id is null or e.workspace_id = b.workspace_id)
     and e.workspace_id in (select id from workspaces) and e.started_at >= v_start and e.started_at < v_end
     and e.status <> 'denied' and covers(b, e)
   where b.id = p_budget;

  -- The overage comes along, because the late answer of an expired run may take some of it back.
  insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end,
                              spent_nano, held_nano, overage_nano, unreserved_nano)
  select organization_id, workspace_id, id, v_start, v_end, v_spent, v_held, v_overage, v_spent + v_held - v_overage
    from budgets where id = p_budget;

  insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts,
                      held_delta, spent_delta, overage_delta, unreserved_delta)
  select organization_id, workspace_id, gen_random_uuid(), 'budget.opened', p_actor, 'budget:' || id,
         jsonb_build_object('budgetId', id, 'name', name, 'spentUsd', nano_to_usd(v_spent), 'heldUsd', nano_to_usd(v_held),
                            'window', window_json(v_start, v_end)),
         array[id], array[v_start], v_held, v_spent, v_overage, v_spent + v_held - v_overage
    from budgets where id = p_budget;
  perform fire_alerts(p_organization, array[p_budget], array[v_start]);
end $$;

-- Whether the budget's scope covers the execution; the same rule as domain/budget-scope.ts.
create or replace function covers(b budgets, e executions) returns boolean language sql stable as $$
  select (b.workspace_id is null or e.workspace_id = b.workspace_id)
     and (b.agent_id is null or e.agent_id = b.agent_id)
     and (b.provider is null or lower(e.provider) = lower(b.provider))
     and (b.trigger is null or e.trigger = b.trigger)
     and (b.tags is null or coalesce(e.tags, '{}') @> b.tags)
     and (b.model is null or lower(e.model) = lower(b.model)
          or (b.model like '%*' and starts_with(lower(e.model), lower(left(b.model, -1)))))
$$;
