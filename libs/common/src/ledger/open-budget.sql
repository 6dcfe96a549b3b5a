-- A budget that is created in the middle of its window knows what the window has already cost and promised: the settled
-- runs in its scope are its opening balance, and live holds in its scope are pinned to it like to any other budget.
-- The caller holds the money lock exclusively and has inserted the budget in this transaction.
create or replace function open_budget(p_organization uuid, p_budget uuid, p_actor text) returns void language plpgsql as $$
declare
  v_start timestamptz;
  v_end timestamptz;
  v_spent bigint;
  v_held bigint;
begin
  select w.window_start, w.window_end into v_start, v_end
    from budgets b cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) w where b.id = p_budget;

  with covered as (
    select e.workspace_id, e.id, e.status, e.held_nano, e.cost_nano
      from budgets b
      join executions e on e.organization_id = b.organization_id and (b.workspace_id is null or e.workspace_id = b.workspace_id)
       and e.workspace_id in (select id from workspaces)
       and e.started_at >= v_start and e.status <> 'denied'
       and (b.agent_id is null or e.agent_id = b.agent_id)
       and (b.provider is null or lower(e.provider) = lower(b.provider))
       and (b.trigger is null or e.trigger = b.trigger)
       and (b.tags is null or e.tags @> b.tags)
       and (b.model is null or lower(e.model) = lower(b.model)
            or (b.model like '%*' and starts_with(lower(e.model), lower(left(b.model, -1)))))
     where b.id = p_budget
       for update of e
  ), pinned as (
    update executions e set budget_ids = e.budget_ids || p_budget, window_starts = e.window_starts || v_start
      from covered c where c.status in ('admitted', 'expired') and e.workspace_id = c.workspace_id and e.id = c.id
  )
  select coalesce(sum(cost_nano) filter (where status <> 'admitted'), 0), coalesce(sum(held_nano), 0)
    into v_spent, v_held from covered;

  insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end, spent_nano, held_nano, unreserved_nano)
  select organization_id, workspace_id, id, v_start, v_end, v_spent, v_held, v_spent + v_held from budgets where id = p_budget;

  insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts,
                      held_delta, spent_delta, unreserved_delta)
  select organization_id, workspace_id, gen_random_uuid(), 'budget.opened', p_actor, 'budget:' || id,
         jsonb_build_object('budgetId', id, 'name', name, 'spentUsd', nano_to_usd(v_spent), 'heldUsd', nano_to_usd(v_held),
                            'window', window_json(v_start, v_end)),
         array[id], array[v_start], v_held, v_spent, v_spent + v_held
    from budgets where id = p_budget;
  perform fire_alerts(p_organization, array[p_budget], array[v_start]);
end $$;
