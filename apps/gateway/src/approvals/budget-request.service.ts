import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import { payloadDigest } from '@houston/common/approvals/payload-digest.js';
import type { NewApproval } from '@houston/common/approvals/new-approval.store.js';
import { Database } from '@houston/common/db/database.js';
import { DEFAULT_ASSIGNEES } from '@houston/common/domain/approval-deciders.js';
import { formatUsd } from '@houston/common/domain/money.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { ApprovalService } from './approval.service.js';
import { BudgetGrantStore, type RefusedExecution } from './budget-grant.store.js';
import type { RaisePayload, UnfreezePayload } from './budget-grants.js';
import type { RequestRaiseDto } from './decision.dto.js';

/** Asks for more money, or for a frozen budget to be thawed. Such requests always wait for a person who sets budgets. */
@Injectable()
export class BudgetRequestService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ApprovalService) private readonly approvals: ApprovalService,
    @Inject(BudgetGrantStore) private readonly store: BudgetGrantStore,
  ) {}

  /** @throws Problem not_found, forbidden, execution_not_denied, approval_pending, invalid_values */
  requestRaise(caller: Caller, executionId: string, body: RequestRaiseDto, id: CreationId): Promise<ApprovalRow> {
    if (body.amountUsd === 0n) throw invalid('amountUsd', 'Ask for more than nothing.');
    if (body.untilMinutes <= 0) throw invalid('untilMinutes', 'Ask for a time that lasts.');
    return this.db.inWorkspace(caller, async (tx) => {
      const execution = await this.store.execution(tx, caller, executionId);
      if (!execution) throw notFound();
      if (caller.agentId !== null && caller.agentId !== execution.agent_id) {
        throw new Problem('forbidden', { detail: 'This key is bound to another agent.' });
      }
      const budgetId = refusingBudget(execution);
      if (!(await this.store.find(tx, caller, budgetId))) {
        throw new Problem('conflict', { detail: 'The budget that refused is gone: ask for admission again.' });
      }
      const { amountUsd: amountNano, untilMinutes, reason } = body;
      const payload: RaisePayload = { executionId, budgetId, amountUsd: formatUsd(amountNano), untilMinutes };
      const context = { requestedUsd: formatUsd(BigInt(execution.requested_nano)), ...contextOf(execution) };
      const approval = {
        ...moneyApproval(caller, id, reason, payload),
        kind: 'raise',
        action: 'raise_budget',
      } as const;
      const more = { budgetId, executionId, context, estimatedNano: amountNano, reasons: ['raise'] };
      return this.approvals.write(tx, caller, { ...approval, ...more }, id);
    });
  }

  /** @throws Problem not_found, conflict, approval_pending */
  requestUnfreeze(caller: Caller, budgetId: string, reason: string, id: CreationId): Promise<ApprovalRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const budget = await this.store.find(tx, caller, budgetId);
      if (!budget) throw notFound();
      const { name, frozenAt, frozenReason, frozenEvidence, frozenUntil } = budget;
      if (frozenAt === null) throw new Problem('conflict', { detail: 'The budget is not frozen.' });
      const context = { budget: name, frozenReason, frozenUntil, evidence: frozenEvidence };
      const payload: UnfreezePayload = { budgetId, frozenAt };
      const approval = moneyApproval(caller, id, reason, payload);
      const more = { kind: 'unfreeze', action: 'unfreeze_budget', budgetId, context, reasons: ['unfreeze'] } as const;
      return this.approvals.write(tx, caller, { ...approval, ...more }, id);
    });
  }
}

/** @throws Problem execution_not_denied */
function refusingBudget({ status, denial }: RefusedExecution): string {
  if (status === 'denied' && denial?.code === 'budget_exceeded') return denial.budget.id;
  throw new Problem('execution_not_denied', {
    detail:
      denial === null
        ? `Its status is ${status}.`
        : `The budget ${denial.budget.name} was frozen: ask for that with POST /api/budgets/${denial.budget.id}/request-unfreeze.`,
    extensions: { executionStatus: status },
  });
}

function contextOf({ agent_id, model, task_id, denial }: RefusedExecution) {
  return { agentId: agent_id, model, taskId: task_id, denial };
}

type MoneyApproval = Omit<NewApproval, 'kind' | 'action' | 'budgetId' | 'reasons' | 'context'>;

function moneyApproval(caller: Caller, { id }: CreationId, reason: string, payload: object): MoneyApproval {
  return {
    ...{
      id,
      policy: 'pending',
      taskId: null,
      executionId: null,
      description: reason,
      confidence: null,
      risk: 'medium',
    },
    ...{ isExternal: false, options: [], recommended: null, payload, payloadDigest: payloadDigest(payload) },
    ...{ estimatedNano: null, assignees: DEFAULT_ASSIGNEES, channels: null, onTimeout: 'reject', deadline: null },
    ...{ requestedBy: caller.actor, requester: caller },
  };
}
