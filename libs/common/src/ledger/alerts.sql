-- Fires what the windows named by (p_budgets[i], p_starts[i]) have crossed, once each: the primary key of budget_alerts
-- decides between concurrent crossings, in the transaction that moved the money. Thresholds count what is spent.
create or replace function fire_alerts(p_organization uuid, p_budgets uuid[], p_starts timestamptz[]) returns void
language plpgsql as $$
begin
  with crossed as (
    select w.*, b.name, b.limit_nano, a.kind, a.threshold
      from (select distinct * from unnest(p_budgets, p_starts) as u(budget_id, window_start)) u
      join budget_windows w on w.budget_id = u.budget_id and w.window_start = u.window_start
      join budgets b on b.id = w.budget_id and b.deleted_at is null
     cross join lateral (
       select 'threshold' as kind, t as threshold from unnest(b.thresholds) t
       union all select 'exhausted', 100::smallint
     ) a
     where w.spent_nano > 0 and w.spent_nano::numeric * 100 >= a.threshold::numeric * b.limit_nano
       and not exists (
         select 1 from budget_alerts f
          where f.budget_id = w.budget_id and f.window_start = w.window_start
            and f.kind = a.kind and f.threshold = a.threshold)
  ), fired as (
    insert into budget_alerts (organization_id, workspace_id, budget_id, window_start, kind, threshold)
    select organization_id, workspace_id, budget_id, window_start, kind, threshold from crossed
    on conflict do nothing
    returning budget_id, window_start, kind, threshold
  )
  insert into events (organization_id, workspace_id, id, type, actor, subject, data)
  select c.organization_id, c.workspace_id, gen_random_uuid(),
         case c.kind when 'exhausted' then 'budget.exhausted' else 'budget.threshold_crossed' end,
         'system', 'budget:' || c.budget_id,
         jsonb_build_object(
           'budgetId', c.budget_id, 'name', c.name, 'threshold', c.threshold,
           'consumedPercent', case when c.limit_nano = 0 then null
                              else round(c.spent_nano::numeric * 100 / c.limit_nano, 2) end,
           'limitUsd', nano_to_usd(c.limit_nano), 'spentUsd', nano_to_usd(c.spent_nano),
           'heldUsd', nano_to_usd(c.held_nano), 'window', window_json(c.window_start, c.window_end))
    from crossed c
    join fired f using (budget_id, window_start, kind, threshold)
   order by c.budget_id, c.threshold;
end $$;

create or replace function iso_time(p_at timestamptz) returns text language sql stable as $$
  select case when isfinite(p_at) then to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end
$$;

create or replace function window_json(p_start timestamptz, p_end timestamptz) returns jsonb language sql stable as $$
  select jsonb_build_object('start', iso_time(p_start), 'end', iso_time(p_end))
$$;
