-- The organizations with events that a reader has not seen yet and that no transaction still running can precede.
-- One statement however many organizations there are: what an idle reader costs.
create or replace function organizations_with_news(p_reader text) returns setof uuid language plpgsql
-- The primary key is the way through the ledger, also while statistics lag behind a burst of events.
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_horizon bigint := event_horizon();
  v_organization uuid;
  v_position bigint;
  v_seq bigint;
begin
  for v_organization in select id from organizations order by id loop
    perform set_config('houston.organization_id', v_organization::text, true),
            set_config('houston.workspace_id', '', true),
            set_config('houston.whole_organization', 'on', true);
    v_position := coalesce((select c.position from event_cursors c where c.organization_id = v_organization and c.reader = p_reader), 0);
    v_seq := coalesce((select c.seq from event_cursors c where c.organization_id = v_organization and c.reader = p_reader), 0);
    -- Plain variables: behind the walls a COALESCE counts as a leak, is kept out of the index condition, and the scan would
    -- begin at the first event.
    if exists (
      select 1 from events e
       where e.organization_id = v_organization and (e.position, e.seq) > (v_position, v_seq) and e.position < v_horizon)
    then
      return next v_organization;
    end if;
  end loop;
  perform set_config('houston.organization_id', '', true), set_config('houston.whole_organization', 'off', true);
end $$;
