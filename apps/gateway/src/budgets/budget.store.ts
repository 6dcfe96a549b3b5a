import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import { BudgetEntity } from '@houston/common/db/entities/budget.entity.js';
import type { BudgetRow } from './budget.row.js';

export interface BudgetFilter {
  level?: 'organization' | 'workspace';
  status?: 'open' | 'exhausted' | 'frozen';
  agentId?: string;
  /** A part of the name. */
  q?: string;
  /** Creation (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

export type NewBudget = Omit<
  BudgetEntity,
  'frozenAt' | 'frozenReason' | 'frozenBy' | 'version' | 'createdAt' | 'updatedAt' | 'deletedAt'
>;

export type BudgetChange = Partial<Pick<BudgetEntity, 'name' | 'limitNano' | 'mode' | 'thresholds'>>;

const FIGURES = `b.*, w.window_start, nullif(w.window_end, 'infinity') as window_end,
  coalesce(c.spent_nano, 0) as spent_nano, coalesce(c.held_nano, 0) as held_nano, coalesce(c.overage_nano, 0) as overage_nano,
  (select coalesce(json_agg(json_build_object('approvalId', r.approval_id, 'amountNano', r.amount_nano::text,
                                              'until', iso_time(r.until)) order by r.until, r.approval_id), '[]')
     from budget_raises r where r.budget_id = b.id and r.ended_at is null) as raises,
  now() as read_at, (extract(epoch from b.created_at) * 1000000)::bigint::text as sort_key`;

const WINDOW = `cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) w
  left join budget_windows c on c.budget_id = b.id and c.window_start = w.window_start`;

const STATUS = `case when b.frozen_at is not null then 'frozen'
  when coalesce(c.spent_nano, 0) >= b.limit_nano then 'exhausted' else 'open' end`;

/** Budgets with the counters of their present windows. */
@Injectable()
export class BudgetStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /**
   * Oldest first: those of the workspace, and those of the whole organization. Windows are derived for one page only,
   * unless a status is asked for, which depends on them.
   */
  list(scope: WorkspaceScope, filter: BudgetFilter): Promise<BudgetRow[]> {
    const [afterCreation, afterId] = filter.after ?? [null, null];
    return this.db.inWorkspace(scope, (tx) =>
      tx.query(
        `select ${FIGURES}
           from (select * from budgets
                  where deleted_at is null
                    and ($1::text is null or (workspace_id is null) = ($1 = 'organization'))
                    and ($2::uuid is null or agent_id = $2)
                    and ($3::text is null or position(lower($3) in lower(name)) > 0)
                    and ($4::bigint is null
                         or (created_at, id) > (timestamptz 'epoch' + $4 * interval '1 microsecond', $5::uuid))
                  order by created_at, id limit case when $6::text is null then $7::int end) b
          ${WINDOW}
          where $6 is null or ${STATUS} = $6
          order by b.created_at, b.id limit $7`,
        [
          filter.level ?? null,
          filter.agentId ?? null,
          filter.q ?? null,
          afterCreation,
          afterId,
          filter.status ?? null,
          filter.limit + 1,
        ],
      ),
    );
  }

  /** Null also for a budget of another workspace. */
  async find(tx: Tx, { workspaceId }: WorkspaceScope, id: string): Promise<BudgetRow | null> {
    const [row] = await tx.query<BudgetRow>(
      `select ${FIGURES} from budgets b ${WINDOW}
        where b.id = $1 and b.deleted_at is null and (b.workspace_id is null or b.workspace_id = $2)`,
      [id, workspaceId],
    );
    return row ?? null;
  }

  /** Waits until no run is being admitted, and keeps it so until the transaction ends. Comes first in it. */
  async lockMoney(tx: Tx): Promise<void> {
    await tx.query('select lock_money_exclusively($1)', [tx.organizationId]);
  }

  /** Puts it in place with what its present window has cost and promised already. */
  async create(tx: Tx, budget: NewBudget, actor: string): Promise<void> {
    await tx.manager.insert(BudgetEntity, budget);
    await tx.query('select open_budget($1, $2, $3)', [tx.organizationId, budget.id, actor]);
  }

  async change(tx: Tx, id: string, change: BudgetChange): Promise<void> {
    await tx.manager.update(BudgetEntity, { id }, change);
  }

  /** What is no longer crossed may fire again, and what has just been crossed fires. */
  async rearm(tx: Tx, id: string): Promise<void> {
    await tx.query('select rearm_alerts($1, $2)', [tx.organizationId, id]);
  }

  async freeze(tx: Tx, id: string, reason: string, by: string): Promise<void> {
    await tx.query('select freeze_budget($1, $2, $3, $4, null, null)', [tx.organizationId, id, reason, by]);
  }

  async thaw(tx: Tx, id: string, by: string): Promise<void> {
    await tx.query(`select thaw_budget($1, $2, $3, '{}')`, [tx.organizationId, id, by]);
  }

  /** The row stays, because running executions settle in its windows. */
  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('update budgets set deleted_at = now(), version = version + 1, updated_at = now() where id = $1', [
      id,
    ]);
  }
}
