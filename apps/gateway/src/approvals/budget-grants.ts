import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import type { Tx } from '@houston/common/db/database.js';
import { parseUsd } from '@houston/common/domain/money.js';
import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import { requireOrganizationKey } from '../http/reach.js';
import { BudgetGrantStore } from './budget-grant.store.js';

/** What is approved when more money is asked for, in the shape in which it is digested. */
export interface RaisePayload {
  executionId: string;
  budgetId: string;
  amountUsd: string;
  untilMinutes: number;
}

/** What is approved when a frozen budget is to be thawed: this freezing, and no later one. */
export interface UnfreezePayload {
  budgetId: string;
  frozenAt: string;
}

/** Makes true what was approved about a budget, in the transaction of the decision; it holds the money lock. */
@Injectable()
export class BudgetGrants {
  constructor(@Inject(BudgetGrantStore) private readonly store: BudgetGrantStore) {}

  /** @throws Problem forbidden, conflict */
  async grant(tx: Tx, caller: Caller, approval: ApprovalRow): Promise<void> {
    const { kind, budget_id: budgetId } = approval;
    if (kind === 'action' || budgetId === null) return;
    const budget = await this.store.find(tx, caller, budgetId);
    if (!budget) throw new Problem('conflict', { detail: 'The budget is gone.' });
    if (budget.workspaceId === null) {
      requireOrganizationKey(caller, 'This budget is the whole organization’s; your key is bound to one workspace.');
    }
    if (kind === 'unfreeze') await this.thaw(tx, caller, approval, budgetId, budget.frozenAt);
    else await this.raise(tx, caller, approval, budgetId);
  }

  private async thaw(
    tx: Tx,
    { actor }: Caller,
    { id, payload }: ApprovalRow,
    budgetId: string,
    frozenAt: string | null,
  ): Promise<void> {
    if (frozenAt !== null && frozenAt !== (payload as UnfreezePayload).frozenAt) {
      throw new Problem('conflict', {
        detail: 'The budget has been frozen anew since this was asked: reject it, and let it be asked again.',
      });
    }
    await this.store.thaw(tx, budgetId, actor, id);
  }

  private async raise(tx: Tx, caller: Caller, { id, payload }: ApprovalRow, budgetId: string): Promise<void> {
    const { amountUsd, untilMinutes } = payload as RaisePayload;
    const amount = parseUsd(amountUsd);
    if (!amount.ok) throw new Error(`Approval ${id} asks for no amount: ${amount.problem}`);
    await this.store.raise(tx, { budgetId, approvalId: id, amountNano: amount.nano, untilMinutes, by: caller.actor });
  }
}
