-- Adds what settled, cancelled, expired and recorded executions cost into 15-minute roll-ups.
--
-- Protocol
--   1. The money lock, shared: no workspace is deleted meanwhile, so none leaves roll-ups behind.
--   2. The cursor's row is locked: one worker at a time; another one finds nothing to do.
--   3. Only events below the horizon are read. All that will ever stand at or before the new cursor is committed by
--      then, so a reader may take everything after the cursor, late commits included, as not yet rolled up.
--   4. Roll-ups and cursor change together.
--
-- p_limit   events read, at the most
-- Returns   events read; fewer than p_limit: nothing more is there for now
create or replace function roll_up_costs(p_organization uuid, p_limit int) returns int language plpgsql as $$
#variable_conflict use_column
declare
  v_cursor event_cursors;
  v_horizon bigint;
  v_read int;
  v_position bigint;
  v_seq bigint;
begin
  perform enter_tenant(p_organization, null);
  -- Keeps the reads on the primary key, which is the ledger's order, also while the statistics lag behind a burst.
  perform set_config('enable_sort', 'off', true);
  select * into v_cursor from event_cursors where organization_id = p_organization and reader = 'rollups';
  -- Plain variables, because behind the walls a COALESCE is kept out of the index condition.
  v_position := coalesce(v_cursor.position, 0);
  v_seq := coalesce(v_cursor.seq, 0);
  -- An idle organization costs no transaction id and no write.
  if not exists (select 1 from events e where e.organization_id = p_organization
                    and (e.position, e.seq) > (v_position, v_seq)) then
    return 0;
  end if;
  perform lock_money_shared(p_organization);
  insert into event_cursors (organization_id, reader, position, seq) values (p_organization, 'rollups', 0, 0)
  on conflict do nothing;
  select * into v_cursor from event_cursors where organization_id = p_organization and reader = 'rollups'
     for update skip locked;
  if not found then
    return 0;
  end if;
  v_horizon := event_horizon();

  with batch as materialized (
    select e as event, e.position, e.seq from events e
     where e.organization_id = p_organization and (e.position, e.seq) > (v_cursor.position, v_cursor.seq)
       and e.position < v_horizon
     order by e.position, e.seq limit p_limit
  ), added as (
    insert into cost_rollups as r (organization_id, workspace_id, bucket, agent_id, model, provider, trigger,
                                   executions, input_tokens, output_tokens, cost_nano)
    select p_organization, c.workspace_id, c.bucket, c.agent_id, c.model, c.provider, c.trigger,
           sum(c.executions), sum(c.input_tokens), sum(c.output_tokens), sum(c.cost_nano)
      from batch b
      join workspaces w on w.id = (b.event).workspace_id
     cross join lateral cost_of_event(b.event) c
     where (b.event).type in ('execution.settled', 'execution.cancelled', 'execution.expired', 'execution.recorded')
     group by 1, 2, 3, 4, 5, 6, 7
    on conflict (workspace_id, bucket, agent_id, model, provider, trigger) do update
      set executions = r.executions + excluded.executions, input_tokens = r.input_tokens + excluded.input_tokens,
          output_tokens = r.output_tokens + excluded.output_tokens, cost_nano = r.cost_nano + excluded.cost_nano
  )
  select count(*)::int, (array_agg(position order by position desc, seq desc))[1],
         (array_agg(seq order by position desc, seq desc))[1]
    into v_read, v_position, v_seq from batch;
  if v_read > 0 then
    update event_cursors set position = v_position, seq = v_seq
     where organization_id = p_organization and reader = 'rollups';
  end if;
  return v_read;
end $$;

-- What an event adds to the costs of which bucket. A late settlement adds only what it changes.
create or replace function cost_of_event(
  p_event events, out workspace_id uuid, out bucket timestamptz, out agent_id uuid, out model text, out provider text,
  out trigger text, out executions bigint, out input_tokens bigint, out output_tokens bigint, out cost_nano bigint
) language sql stable as $$
  select p_event.workspace_id,
         date_bin('15 minutes', (p_event.data ->> 'startedAt')::timestamptz, 'epoch'),
         (p_event.data ->> 'agentId')::uuid, p_event.data ->> 'model', p_event.data ->> 'provider', p_event.data ->> 'trigger',
         (p_event.data -> 'adds' ->> 'executions')::bigint, (p_event.data -> 'adds' ->> 'inputTokens')::bigint,
         (p_event.data -> 'adds' ->> 'outputTokens')::bigint, coalesce(p_event.spent_delta, 0)
$$;
