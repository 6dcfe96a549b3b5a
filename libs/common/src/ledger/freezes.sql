-- Budgets that admit nothing, and that do again. The caller holds the money lock exclusively.

-- Freezes a budget. p_until null: until somebody thaws it. False: it is frozen already, or gone.
create or replace function freeze_budget(p_organization uuid, p_budget uuid, p_reason text, p_actor text, p_until timestamptz, p_evidence jsonb)
returns boolean language plpgsql as $$
declare
  v_budget budgets;
begin
  update budgets
     set frozen_at = now(), frozen_reason = p_reason, frozen_by = p_actor, frozen_until = p_until, frozen_evidence = p_evidence,
         version = version + 1, updated_at = now()
   where id = p_budget and deleted_at is null and frozen_at is null returning * into v_budget;
  if v_budget.id is null then
    return false;
  end if;
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  values (p_organization, v_budget.workspace_id, gen_random_uuid(), 'budget.frozen', p_actor, 'budget:' || p_budget,
          jsonb_strip_nulls(jsonb_build_object('budgetId', p_budget, 'name', v_budget.name, 'reason', p_reason, 'until', iso_time(p_until),
                                               'evidence', p_evidence)));
  return true;
end $$;

-- Lets a budget admit again what fits. p_data goes into the event. False: it is not frozen, or gone.
create or replace function thaw_budget(p_organization uuid, p_budget uuid, p_actor text, p_data jsonb) returns boolean language plpgsql as $$
declare
  v_before budgets;
begin
  select * into v_before from budgets where id = p_budget and deleted_at is null and frozen_at is not null for no key update;
  if v_before.id is null then
    return false;
  end if;
  update budgets
     set frozen_at = null, frozen_reason = null, frozen_by = null, frozen_until = null, frozen_evidence = null,
         version = version + 1, updated_at = now()
   where id = p_budget;
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  values (p_organization, v_before.workspace_id, gen_random_uuid(), 'budget.unfrozen', p_actor, 'budget:' || p_budget,
          jsonb_build_object('budgetId', p_budget, 'name', v_before.name, 'reason', v_before.frozen_reason) || p_data);
  return true;
end $$;

-- Thaws up to p_limit budgets that were frozen for a time which is over. Returns how many.
create or replace function thaw_due_budgets(p_organization uuid, p_limit int) returns int language plpgsql as $$
declare
  v_id uuid;
  v_thawed int := 0;
begin
  perform enter_tenant(p_organization, null);
  if not exists (select 1 from budgets where organization_id = p_organization and frozen_until <= clock_timestamp()) then
    return 0;
  end if;
  perform lock_money_exclusively(p_organization);
  for v_id in
    select id from budgets where organization_id = p_organization and frozen_until <= clock_timestamp()
     order by frozen_until, id limit p_limit for no key update
  loop
    if thaw_budget(p_organization, v_id, 'system', '{"expired": true}') then
      v_thawed := v_thawed + 1;
    else
      -- Deleted while it was frozen: there is nothing to thaw any more.
      update budgets set frozen_until = null where id = v_id;
    end if;
  end loop;
  return v_thawed;
end $$;
