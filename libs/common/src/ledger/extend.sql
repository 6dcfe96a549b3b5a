-- A running execution reports its cumulative usage: the hold lives on, and grows with the cost where the budgets allow it.
--
-- Locks as in resolve.sql. Items are judged one after the other, because a raised hold takes room from the next.
--
-- p_items   [{workspace_id, id, cost_nano, input_tokens, …, actor}]; an execution may stand only once in a batch.
-- Verdicts  continued       the hold covers the cost
--           budget_exceeded, budget_frozen   the cost outgrew the hold and a budget refuses more: the run should stop
--           cancelled, expired, settled      no longer running
--           decreased       cumulative usage went down: refused, nothing changes
--           denied, missing
create or replace function extend_holds(p_organization uuid, p_items jsonb)
returns table (verdict text, execution executions) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_item record;
  v_run executions;
  v_raise bigint;
  v_refusal text;
begin
  perform enter_tenant(p_organization, null);
  perform lock_money_shared(p_organization);
  perform 1
     from (select * from jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid) order by 1, 2) i
    cross join lateral (select from executions e where e.workspace_id = i.workspace_id and e.id = i.id for update) e;
  perform 1
     from (
       select distinct l.budget_id, l.window_start
         from jsonb_to_recordset(p_items) as i(workspace_id uuid, id uuid)
        cross join lateral (
          select * from executions e where e.workspace_id = i.workspace_id and e.id = i.id and e.status = 'admitted' offset 0
        ) e, unnest(e.budget_ids, e.window_starts) as l(budget_id, window_start)
        order by 1, 2
     ) l
    cross join lateral (
      select from budget_windows w where w.budget_id = l.budget_id and w.window_start = l.window_start for update
    ) w;

  for v_item in
    select * from jsonb_to_recordset(p_items) as i(
      workspace_id uuid, id uuid, cost_nano bigint, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint,
      cache_write_tokens bigint, reasoning_tokens bigint, price_settled jsonb, actor text)
  loop
    select * into v_run from executions e where e.workspace_id = v_item.workspace_id and e.id = v_item.id;
    execution := v_run;
    if v_run.id is null then
      verdict := 'missing';
    elsif v_run.status <> 'admitted' then
      verdict := case when v_run.status in ('cancelled', 'expired', 'denied') then v_run.status else 'settled' end;
    -- The cost may well go down: a price was lowered, or tokens turn out to have come from a cache.
    elsif v_item.input_tokens < v_run.input_tokens or v_item.output_tokens < v_run.output_tokens then
      verdict := 'decreased';
    else
      v_raise := greatest(v_item.cost_nano - v_run.held_nano, 0);
      v_refusal := refusal_of(v_run.budget_ids, v_run.window_starts, v_raise);
      if v_refusal is not null then
        v_raise := 0;
      end if;
      update executions e
         set cost_nano = v_item.cost_nano, held_nano = e.held_nano + v_raise, declared_nano = greatest(e.declared_nano, e.held_nano + v_raise),
             input_tokens = v_item.input_tokens, output_tokens = v_item.output_tokens, cache_read_tokens = v_item.cache_read_tokens,
             cache_write_tokens = v_item.cache_write_tokens, reasoning_tokens = v_item.reasoning_tokens,
             price_settled = v_item.price_settled, hold_expires_at = now() + make_interval(secs => e.hold_seconds)
       where e.workspace_id = v_run.workspace_id and e.id = v_run.id
      returning e.* into execution;
      if v_raise > 0 then
        update budget_windows w set held_nano = w.held_nano + v_raise
          from unnest(v_run.budget_ids, v_run.window_starts) as l(budget_id, window_start)
         where w.budget_id = l.budget_id and w.window_start = l.window_start;
        insert into events (organization_id, workspace_id, id, type, actor, subject, data, budget_ids, window_starts, held_delta)
        values (p_organization, v_run.workspace_id, gen_random_uuid(), 'execution.hold_raised', v_item.actor, 'execution:' || v_run.id,
                jsonb_build_object('executionId', v_run.id, 'costUsd', nano_to_usd(v_item.cost_nano),
                                   'heldUsd', nano_to_usd(v_run.held_nano + v_raise)),
                v_run.budget_ids, v_run.window_starts, v_raise);
      elsif v_refusal is not null then
        insert into events (organization_id, workspace_id, id, type, actor, subject, data)
        values (p_organization, v_run.workspace_id, gen_random_uuid(), 'execution.stop_requested', v_item.actor, 'execution:' || v_run.id,
                jsonb_build_object('executionId', v_run.id, 'costUsd', nano_to_usd(v_item.cost_nano),
                                   'heldUsd', nano_to_usd(v_run.held_nano), 'reason', v_refusal));
      end if;
      verdict := coalesce(v_refusal, 'continued');
    end if;
    return next;
  end loop;
end $$;

-- Why the budgets of a running execution refuse p_raise more, or null. A frozen budget refuses even to continue.
create or replace function refusal_of(p_budgets uuid[], p_starts timestamptz[], p_raise bigint) returns text language sql stable as $$
  select case when bool_or(b.frozen_at is not null) then 'budget_frozen'
              when p_raise > 0 and bool_or(b.mode = 'enforce' and w.spent_nano + w.held_nano + p_raise > b.limit_nano)
              then 'budget_exceeded' end
    from unnest(p_budgets, p_starts) as l(budget_id, window_start)
    join budget_windows w on w.budget_id = l.budget_id and w.window_start = l.window_start
    join budgets b on b.id = l.budget_id and b.deleted_at is null
$$;
