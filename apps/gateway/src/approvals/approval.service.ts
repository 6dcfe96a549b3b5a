import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import { tellRequested, tellResolved } from '@houston/common/approvals/approval-tale.js';
import { insertApproval, type NewApproval } from '@houston/common/approvals/new-approval.store.js';
import { payloadDigest } from '@houston/common/approvals/payload-digest.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type Assignee, DEFAULT_ASSIGNEES, OWNERS, rolesUpTo } from '@houston/common/domain/approval-deciders.js';
import { type ApprovalVerdict, judgeApproval } from '@houston/common/domain/approval-policy.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import type { RequestApprovalDto } from './approval.dto.js';
import { type ApprovalFilter, ApprovalStore, type ListedApproval } from './approval.store.js';
import { Assignees } from './assignees.js';

/** Asks for decisions, and finds them. */
@Injectable()
export class ApprovalService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ApprovalStore) private readonly store: ApprovalStore,
    @Inject(Assignees) private readonly assignees: Assignees,
  ) {}

  /** @throws Problem invalid_values, approval_pending, conflict */
  request(caller: Caller, body: RequestApprovalDto, id: CreationId): Promise<ApprovalRow> {
    const verdict = judgeApproval(
      { risk: body.risk, confidence: body.confidence ?? null, isExternal: body.isExternal },
      workspaceSettings(caller.workspace.settings).approvals,
    );
    requireSense(body, verdict);
    const deadline = body.deadline === undefined ? null : timeParam('deadline', body.deadline).toUTC().toISO();
    return this.db.inWorkspace(caller, async (tx) => {
      const named = await this.assignees.findAll(tx, caller, body.assignees, 'assignees');
      return this.write(tx, caller, { ...approvalOf(caller, body, verdict, named), id: id.id, deadline }, id);
    });
  }

  /** Writes a request with all that follows from it at once. @throws Problem invalid_values, approval_pending, conflict */
  async write(tx: Tx, caller: Caller, approval: NewApproval, { mayExist }: CreationId): Promise<ApprovalRow> {
    const existing = mayExist ? await this.store.find(tx, caller.workspaceId, approval.id) : null;
    if (existing) return existing;
    await this.requireSubject(tx, caller, approval);
    const row = await insertApproval(tx, caller.workspaceId, approval);
    if (!row) throw await this.taken(tx, caller, approval);
    await tellRequested(tx, row);
    if (row.status !== 'pending') await tellResolved(tx, row);
    return row;
  }

  /** @throws Problem not_found */
  async find(caller: Caller, id: string): Promise<ApprovalRow> {
    const row = await this.db.inWorkspace(caller, (tx) => this.store.find(tx, caller.workspaceId, id));
    if (!row) throw notFound();
    return row;
  }

  list(caller: Caller, filter: ApprovalFilter): Promise<ListedApproval[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, caller.workspaceId, filter));
  }

  private async requireSubject(tx: Tx, caller: Caller, approval: NewApproval): Promise<void> {
    const { taskId, executionId, deadline } = approval;
    if (deadline !== null && (await this.store.isPast(tx, deadline))) {
      throw invalid('deadline', 'It is over already; give a time to come.');
    }
    if (executionId !== null && !(await this.store.hasExecution(tx, caller.workspaceId, executionId))) {
      throw invalid('subject.executionId', 'No execution of this workspace has this id.');
    }
    if (taskId === null) return;
    const task = await this.store.lockTask(tx, caller.workspaceId, taskId);
    if (!task) throw invalid('subject.taskId', 'No task of this workspace has this id.');
    if (task.ended_at !== null)
      throw new Problem('conflict', { detail: 'The task has ended: there is nothing to decide.' });
  }

  private async taken(tx: Tx, caller: Caller, approval: NewApproval): Promise<Problem> {
    const approvalId = await this.store.pendingBeside(tx, caller.workspaceId, approval);
    return new Problem('approval_pending', {
      detail: `Approval ${approvalId} about the same is still pending; wait for it, or cancel it first.`,
      extensions: { approvalId },
    });
  }
}

/** Those that an approval must name for this caller to be asked. */
export function assigneesOf({ role, agentId, memberId }: Caller): Assignee[] {
  return [
    ...(memberId === null ? [] : [{ member: memberId }]),
    ...(agentId === null ? [] : [{ agent: agentId }]),
    ...rolesUpTo(role).map((one) => ({ role: one })),
  ];
}

/** @throws Problem invalid_values */
function requireSense(body: RequestApprovalDto, { policy }: ApprovalVerdict): void {
  const { options, recommended, onTimeout, isExternal } = body;
  if (recommended !== undefined && !options.includes(recommended)) {
    throw invalid('recommended', 'Recommend one of the options.');
  }
  if (onTimeout === 'approve' && (policy === 'blocked' || isExternal)) {
    throw invalid('onTimeout', 'Silence is no yes to what is blocked or external: use reject or escalate.');
  }
}

function approvalOf(
  caller: Caller,
  body: RequestApprovalDto,
  { policy, reasons }: ApprovalVerdict,
  named: readonly Assignee[],
): Omit<NewApproval, 'id' | 'deadline'> {
  const { subject, description, confidence = null, risk, isExternal, options, context, payload } = body;
  const { recommended = null, estimatedCostUsd = null, onTimeout, channels = null } = body;
  const asked = named.length === 0 ? DEFAULT_ASSIGNEES : named;
  return {
    ...{ kind: 'action', policy, reasons, budgetId: null, action: subject.action, description, confidence, risk },
    ...{ taskId: subject.taskId?.toLowerCase() ?? null, executionId: subject.executionId?.toLowerCase() ?? null },
    ...{
      isExternal,
      options,
      recommended,
      context,
      payload,
      payloadDigest: payloadDigest(payload),
      channels,
      onTimeout,
    },
    estimatedNano: estimatedCostUsd,
    assignees: policy === 'blocked' ? OWNERS : asked,
    requestedBy: caller.actor,
    requester: caller,
  };
}
