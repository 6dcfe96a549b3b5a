-- Budgets that allow more for a time. What was added stands in `budget_raises` and in the limit itself, so that admission
-- reads one figure and nothing else; it is taken back exactly once. Whoever changes a limit holds the money lock exclusively.

-- What a budget has crossed no longer may be told again, and what it has just crossed is told.
create or replace function rearm_alerts(p_organization uuid, p_budget uuid) returns void language plpgsql as $$
declare
  v_start timestamptz;
begin
  -- Settlements take no money lock. Without this one, a settlement that knows only the old limit could commit while we
  -- know only the old spending, and neither would see that a threshold is crossed.
  select w.window_start into v_start
    from budgets b cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) c
    join budget_windows w on w.budget_id = b.id and w.window_start = c.window_start
   where b.id = p_budget for update of w;
  if v_start is null then
    return;
  end if;
  delete from budget_alerts a using budgets b, budget_windows c
   where a.budget_id = p_budget and a.window_start = v_start and b.id = a.budget_id
     and c.budget_id = a.budget_id and c.window_start = a.window_start
     and (a.kind = 'projected' or c.spent_nano::numeric * 100 < a.threshold::numeric * b.limit_nano);
  perform fire_alerts(p_organization, array[p_budget], array[v_start]);
end $$;

-- Raises a budget's limit from now on, for p_minutes. The caller holds the money lock. False: the budget is gone.
create or replace function grant_raise(p_organization uuid, p_budget uuid, p_approval uuid, p_amount bigint, p_minutes float8, p_actor text)
returns boolean language plpgsql as $$
declare
  v_budget budgets;
  v_until timestamptz := clock_timestamp() + p_minutes * interval '1 minute';
begin
  update budgets set limit_nano = limit_nano + p_amount, version = version + 1, updated_at = now()
   where id = p_budget and deleted_at is null returning * into v_budget;
  if v_budget.id is null then
    return false;
  end if;
  insert into budget_raises (organization_id, workspace_id, budget_id, approval_id, amount_nano, granted_by, until)
  values (p_organization, v_budget.workspace_id, p_budget, p_approval, p_amount, p_actor, v_until);
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  values (p_organization, v_budget.workspace_id, gen_random_uuid(), 'budget.raised', p_actor, 'budget:' || p_budget,
          jsonb_build_object('budgetId', p_budget, 'name', v_budget.name, 'approvalId', p_approval, 'amountUsd', nano_to_usd(p_amount),
                             'until', iso_time(v_until), 'limitUsd', nano_to_usd(v_budget.limit_nano)));
  perform rearm_alerts(p_organization, p_budget);
  return true;
end $$;

-- Takes back up to p_limit raises whose time is up. Returns how many.
create or replace function end_raises(p_organization uuid, p_limit int) returns int language plpgsql as $$
declare
  v_raise budget_raises;
  v_budget budgets;
  v_ended int := 0;
begin
  perform enter_tenant(p_organization, null);
  -- Nobody waits for the money lock while there is nothing to do.
  if not exists (select 1 from budget_raises where organization_id = p_organization and ended_at is null and until <= clock_timestamp()) then
    return 0;
  end if;
  perform lock_money_exclusively(p_organization);
  for v_raise in
    select * from budget_raises where organization_id = p_organization and ended_at is null and until <= clock_timestamp()
     order by until, budget_id, approval_id limit p_limit for update
  loop
    update budget_raises set ended_at = now() where budget_id = v_raise.budget_id and approval_id = v_raise.approval_id;
    update budgets set limit_nano = limit_nano - v_raise.amount_nano, version = version + 1, updated_at = now()
     where id = v_raise.budget_id returning * into v_budget;
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    values (p_organization, v_budget.workspace_id, gen_random_uuid(), 'budget.raise_ended', 'system', 'budget:' || v_budget.id,
            jsonb_build_object('budgetId', v_budget.id, 'name', v_budget.name, 'approvalId', v_raise.approval_id,
                               'amountUsd', nano_to_usd(v_raise.amount_nano), 'limitUsd', nano_to_usd(v_budget.limit_nano)));
    if v_budget.deleted_at is null then
      perform rearm_alerts(p_organization, v_budget.id);
    end if;
    v_ended := v_ended + 1;
  end loop;
  return v_ended;
end $$;
