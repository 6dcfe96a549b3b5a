import { v7 as newId } from 'uuid';
import type { TestDatabase } from '../support/database.js';

export interface BudgetFields {
  name?: string;
  limitNano?: bigint;
  period?: 'day' | 'week' | 'month' | 'total';
  timezone?: string;
  mode?: 'enforce' | 'observe';
  thresholds?: number[];
  /** Null: a budget of the whole organization. Default: the workspace `default`. */
  workspaceId?: string | null;
  agentId?: string | null;
  model?: string | null;
}

type Where = Pick<TestDatabase, 'database' | 'organizationId' | 'workspaceId'>;

/** A budget, put straight into the database and opened like one that came over HTTP. @returns its id */
export async function insertBudget(db: Where, fields: BudgetFields = {}): Promise<string> {
  const id = newId();
  const { name = `budget ${id}`, limitNano = 1_000_000_000_000n, period = 'month', timezone = 'UTC' } = fields;
  const { mode = 'enforce', thresholds = [], workspaceId = db.workspaceId, agentId = null, model = null } = fields;
  await db.database.inOrganization(db.organizationId, async (tx) => {
    await tx.query('select lock_money_exclusively($1)', [db.organizationId]);
    await tx.query(
      `insert into budgets (organization_id, workspace_id, id, name, limit_nano, period, timezone, week_start, mode, thresholds,
                            agent_id, model)
       values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11)`,
      [
        ...[db.organizationId, workspaceId, id, name, limitNano.toString(), period, timezone, mode, thresholds],
        ...[agentId, model],
      ],
    );
    await tx.query(`select open_budget($1, $2, 'system')`, [db.organizationId, id]);
  });
  return id;
}
