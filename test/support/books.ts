import type { TestDatabase } from './database.js';

type Where = Pick<TestDatabase, 'database' | 'organizationId'>;

/** Every window with its counters, and what they must be: the entries' sums and the live runs' holds. */
const FAULTS = `
  with entry as (
    select l.budget_id, l.window_start, sum(e.held_delta) as held, sum(e.spent_delta) as spent,
           sum(e.overage_delta) as overage, sum(e.unreserved_delta) as unreserved
      from events e, unnest(e.budget_ids, e.window_starts) as l(budget_id, window_start) group by 1, 2
  ), live as (
    select l.budget_id, l.window_start, sum(x.held_nano) as held
      from executions x, unnest(x.budget_ids, x.window_starts) as l(budget_id, window_start)
     where x.status = 'admitted' group by 1, 2
  ), book as (
    select b.name, b.mode, w.*, coalesce(($1::jsonb ->> b.id::text)::bigint, b.limit_nano) as ceiling,
           coalesce(n.held, 0) as entered_held, coalesce(n.spent, 0) as entered_spent,
           coalesce(n.overage, 0) as entered_overage, coalesce(n.unreserved, 0) as entered_unreserved,
           coalesce(l.held, 0) as live_held
      from budget_windows w join budgets b on b.id = w.budget_id
      left join entry n on n.budget_id = w.budget_id and n.window_start = w.window_start
      left join live l on l.budget_id = w.budget_id and l.window_start = w.window_start
  )
  select format('%s %s: %s', name, window_start, fault) as fault from book cross join lateral (values
    (mode = 'enforce' and spent_nano + held_nano > ceiling + overage_nano + unreserved_nano,
     format('spent %s + held %s > limit %s + overage %s + unreserved %s',
            spent_nano, held_nano, ceiling, overage_nano, unreserved_nano)),
    (least(spent_nano, held_nano, overage_nano, unreserved_nano) < 0,
     format('negative: spent %s, held %s, overage %s, unreserved %s', spent_nano, held_nano, overage_nano, unreserved_nano)),
    (held_nano <> entered_held, format('held %s, by its entries %s', held_nano, entered_held)),
    (spent_nano <> entered_spent, format('spent %s, by its entries %s', spent_nano, entered_spent)),
    (overage_nano <> entered_overage, format('overage %s, by its entries %s', overage_nano, entered_overage)),
    (unreserved_nano <> entered_unreserved, format('unreserved %s, by its entries %s', unreserved_nano, entered_unreserved)),
    (held_nano <> live_held, format('held %s, by its live runs %s', held_nano, live_held))
  ) as check_(broken, fault) where broken`;

/**
 * Closes the books of one organization, in one snapshot, so that it may be asked at any instant under any load.
 *
 * @param ceilings the highest limit each budget ever had, by id, where limits are lowered meanwhile; default: the limit
 * @returns what does not add up, as sentences
 */
export async function faultsInBooks(where: Where, ceilings: Record<string, string> = {}): Promise<string[]> {
  const rows = await where.database.inOrganization(where.organizationId, (tx) =>
    tx.query<{ fault: string }>(FAULTS, [JSON.stringify(ceilings)]),
  );
  return rows.map((row) => row.fault);
}

/** What each budget's alerts say and what they should say, in windows that are not over. */
export async function faultsInAlerts(where: Where): Promise<string[]> {
  const rows = await where.database.inOrganization(where.organizationId, (tx) =>
    tx.query<{ fault: string }>(
      `with due as (
         select b.id, b.name, w.window_start, w.spent_nano, a.kind, a.threshold
           from budgets b join budget_windows w on w.budget_id = b.id and w.window_end > now()
          cross join lateral (select 'threshold' as kind, t as threshold from unnest(b.thresholds) t
                              union all select 'exhausted', 100) a
          where w.spent_nano > 0 and w.spent_nano::numeric * 100 >= a.threshold::numeric * b.limit_nano
       )
       select format('%s spent %s and never said that it crossed %s %s', name, spent_nano, kind, threshold) as fault
         from due d where not exists (
           select 1 from budget_alerts f where f.budget_id = d.id and f.window_start = d.window_start
              and f.kind = d.kind and f.threshold = d.threshold)
       union all
       select format('%s remembers %s %s, and no event says so', f.budget_id, f.kind, f.threshold)
         from budget_alerts f where f.kind <> 'projected' and not exists (
           select 1 from events e where e.subject = 'budget:' || f.budget_id
              and e.type = case f.kind when 'exhausted' then 'budget.exhausted' else 'budget.threshold_crossed' end
              and (e.data ->> 'threshold')::int = f.threshold
              and (e.data -> 'window' ->> 'start')::timestamptz = f.window_start)`,
    ),
  );
  return rows.map((row) => row.fault);
}

/** Alerts that were told more than once for one budget, window and threshold. */
export async function repeatedAlerts(where: Where): Promise<string[]> {
  const rows = await where.database.inOrganization(where.organizationId, (tx) =>
    tx.query<{ fault: string }>(
      `select format('%s %s %s: %s times', subject, type, data ->> 'threshold', count(*)) as fault from events
        where type in ('budget.threshold_crossed', 'budget.exhausted')
        group by subject, type, data ->> 'threshold', data -> 'window' having count(*) > 1`,
    ),
  );
  return rows.map((row) => row.fault);
}
