import { Injectable } from '@nestjs/common';
import type { Tx, WorkspaceScope } from '@houston/common/db/database.js';

export interface GrantedRaise {
  budgetId: string;
  approvalId: string;
  amountNano: bigint;
  untilMinutes: number;
  /** The actor who granted it. */
  by: string;
}

/** What a request for money is about. */
export interface RefusedExecution {
  id: string;
  status: string;
  agent_id: string;
  model: string;
  task_id: string | null;
  requested_nano: string;
  denial: { code: string; budget: { id: string; name: string } } | null;
}

/** A budget as approvals see it. */
interface GrantedBudget {
  /** Null: of the whole organization. */
  workspaceId: string | null;
  name: string;
  /** When it was frozen, in milliseconds; null: it is not. */
  frozenAt: string | null;
  frozenReason: string | null;
  /** What was seen, where the house froze it. */
  frozenEvidence: unknown;
  /** When it thaws by itself; null: it does not. */
  frozenUntil: string | null;
}

/** Budgets, as far as approvals change them. */
@Injectable()
export class BudgetGrantStore {
  async execution(tx: Tx, { workspaceId }: WorkspaceScope, id: string): Promise<RefusedExecution | null> {
    const [row] = await tx.query<RefusedExecution>(
      `select id, status, agent_id, model, task_id, requested_nano, denial from executions
        where workspace_id = $1 and id = $2`,
      [workspaceId, id],
    );
    return row ?? null;
  }

  /** Of the workspace, or of the whole organization; null when it is gone. */
  async find(tx: Tx, { workspaceId }: WorkspaceScope, id: string): Promise<GrantedBudget | null> {
    const [row] = await tx.query<GrantedBudget>(
      `select workspace_id as "workspaceId", name, iso_time(frozen_at) as "frozenAt", frozen_reason as "frozenReason",
              frozen_evidence as "frozenEvidence", iso_time(frozen_until) as "frozenUntil"
         from budgets where id = $1 and deleted_at is null and (workspace_id is null or workspace_id = $2)`,
      [id, workspaceId],
    );
    return row ?? null;
  }

  async raise(tx: Tx, { budgetId, approvalId, amountNano, untilMinutes, by }: GrantedRaise): Promise<void> {
    await tx.query('select grant_raise($1, $2, $3, $4, $5, $6)', [
      ...[tx.organizationId, budgetId, approvalId, amountNano.toString(), untilMinutes, by],
    ]);
  }

  async thaw(tx: Tx, budgetId: string, by: string, approvalId: string): Promise<void> {
    await tx.query('select thaw_budget($1, $2, $3, $4)', [
      ...[tx.organizationId, budgetId, by, JSON.stringify({ approvalId })],
    ]);
  }
}
