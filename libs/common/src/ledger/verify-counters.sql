-- Recomputes every counter of every budget window from the ledger's entries, and what is held also from the live runs,
-- and compares with what the windows say.
--
-- One statement sees one snapshot, and whoever moves money writes counter, entry and run in one transaction: so the
-- three agree in every snapshot, or something is broken. No lock is needed, and nobody waits for the answer.
--
-- Call it in a transaction of the whole organization.
-- Returns one row: how many counters were compared, and the first that is wrong, if any.
create or replace function verify_counters(p_organization uuid)
returns table (checked bigint, budget_id uuid, window_start timestamptz, counter text, expected numeric, actual numeric)
language sql stable as $$
  with entry as (
    select l.budget_id, l.window_start, sum(e.held_delta) as held, sum(e.spent_delta) as spent,
           sum(e.overage_delta) as overage, sum(e.unreserved_delta) as unreserved
      from events e, unnest(e.budget_ids, e.window_starts) as l(budget_id, window_start)
     where e.organization_id = p_organization and e.budget_ids is not null
     group by 1, 2
  ), live as (
    select l.budget_id, l.window_start, sum(x.held_nano) as held
      from executions x, unnest(x.budget_ids, x.window_starts) as l(budget_id, window_start)
     where x.organization_id = p_organization and x.status = 'admitted'
     group by 1, 2
  ), compared as (
    select k.budget_id, k.window_start, c.counter, coalesce(c.expected, 0) as expected, coalesce(c.actual, 0)::numeric as actual
      from (select budget_id, window_start from budget_windows where organization_id = p_organization
            union select budget_id, window_start from entry
            union select budget_id, window_start from live) k
      -- The budgets of a deleted workspace are gone; their entries stay as a record.
      join budgets b on b.id = k.budget_id
      left join budget_windows w on w.budget_id = k.budget_id and w.window_start = k.window_start
      left join entry n on n.budget_id = k.budget_id and n.window_start = k.window_start
      left join live l on l.budget_id = k.budget_id and l.window_start = k.window_start
     cross join lateral (values
       ('held', n.held, w.held_nano), ('spent', n.spent, w.spent_nano), ('overage', n.overage, w.overage_nano),
       ('unreserved', n.unreserved, w.unreserved_nano), ('heldByLiveExecutions', l.held, w.held_nano)
     ) as c(counter, expected, actual)
  )
  select t.checked, f.budget_id, f.window_start, f.counter, f.expected, f.actual
    from (select count(*) as checked from compared) t
    left join lateral (
      select * from compared where expected <> actual order by window_start, budget_id, counter limit 1
    ) f on true
$$;
