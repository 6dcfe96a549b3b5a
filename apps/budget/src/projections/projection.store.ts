import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

/** Earlier in its window a budget's average says little. */
const LEAST_PERCENT_OF_TIME = 10;
const LEAST_PERCENT_SPENT = 50;

/** A budget in its present window. */
export interface RunningWindow {
  budget_id: string;
  window_start: Date;
  window_end: Date;
  limit_nano: string;
  spent_nano: string;
  judged_at: Date;
}

@Injectable()
export class ProjectionStore {
  /** Enforcing budgets far enough into their window and their money, not used up, and not yet warned about. */
  windowsWorthAWarning(tx: Tx, at: Date | undefined): Promise<RunningWindow[]> {
    return tx.query<RunningWindow>(
      `select b.id as budget_id, w.window_start, w.window_end, b.limit_nano, w.spent_nano, t.judged_at
         from (select coalesce($1::timestamptz, now()) as judged_at) t
        cross join budgets b
        cross join lateral budget_window(b.period, b.timezone, b.week_start, t.judged_at) c
         join budget_windows w on w.budget_id = b.id and w.window_start = c.window_start
        where b.deleted_at is null and b.frozen_at is null and b.mode = 'enforce' and b.period <> 'total'
          and w.spent_nano < b.limit_nano
          and w.spent_nano::numeric * 100 >= b.limit_nano::numeric * ${LEAST_PERCENT_SPENT}
          and (t.judged_at - w.window_start) * 100 >= (w.window_end - w.window_start) * ${LEAST_PERCENT_OF_TIME}
          and not exists (select 1 from budget_alerts a
                           where a.budget_id = b.id and a.window_start = w.window_start and a.kind = 'projected')
        order by b.id`,
      [at?.toISOString() ?? null],
    );
  }

  /** @returns false when somebody else has just said so */
  async warnOnce(tx: Tx, window: RunningWindow, exhaustedAt: Date): Promise<boolean> {
    const written = await tx.query(
      `with fired as (
         insert into budget_alerts (organization_id, workspace_id, budget_id, window_start, kind, threshold)
         select organization_id, workspace_id, id, $2, 'projected', 0 from budgets where id = $1
         on conflict do nothing returning budget_id
       )
       insert into events (organization_id, workspace_id, id, type, actor, subject, data)
       select b.organization_id, b.workspace_id, gen_random_uuid(), 'budget.exhaustion_projected', 'system', 'budget:' || b.id,
              jsonb_build_object(
                'budgetId', b.id, 'name', b.name, 'projectedExhaustionAt', iso_time($3::timestamptz),
                'consumedPercent', round(w.spent_nano::numeric * 100 / b.limit_nano, 2),
                'limitUsd', nano_to_usd(b.limit_nano), 'spentUsd', nano_to_usd(w.spent_nano),
                'heldUsd', nano_to_usd(w.held_nano), 'window', window_json(w.window_start, w.window_end))
         from fired join budgets b on b.id = fired.budget_id
         join budget_windows w on w.budget_id = b.id and w.window_start = $2
       returning id`,
      [window.budget_id, window.window_start.toISOString(), exhaustedAt.toISOString()],
    );
    return written.length > 0;
  }
}
