import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import { type AnsweredIn, tellDelegated, tellResolved } from '@houston/common/approvals/approval-tale.js';
import { timeOut } from '@houston/common/approvals/approval-time.js';
import {
  lockApproval,
  type LockedApproval,
  type Resolution,
  writeAssignees,
  writeResolution,
} from '@houston/common/approvals/approval.store.js';
import { payloadDigest } from '@houston/common/approvals/payload-digest.js';
import { mayDo } from '@houston/common/auth/roles.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { isSameParty, mayDecide, type Party } from '@houston/common/domain/approval-deciders.js';
import { OUTCOMES } from '@houston/common/domain/approval-states.js';
import type { Caller } from '../http/caller.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { type FoundAssignee, Assignees } from './assignees.js';
import type { AssigneeDto } from './approval.dto.js';
import { BudgetGrants } from './budget-grants.js';
import { KeyOriginStore } from './key-origin.store.js';
import type { BulkResolveDto, ResolveDto } from './decision.dto.js';

export type BulkOutcome = { id: string; approval: ApprovalRow } | { id: string; problem: Problem };

/** Decides, hands on and takes back. Whoever comes second finds what the first has done: both hold the same lock. */
@Injectable()
export class DecisionService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(Assignees) private readonly assignees: Assignees,
    @Inject(BudgetGrants) private readonly grants: BudgetGrants,
    @Inject(KeyOriginStore) private readonly origins: KeyOriginStore,
  ) {}

  /**
   * @param place where the answer will be seen without being told
   * @throws Problem not_found, own_request, forbidden, already_decided, invalid_values, conflict
   */
  async resolve(caller: Caller, id: string, body: ResolveDto, place: AnsweredIn = {}): Promise<ApprovalRow> {
    return this.deciding(caller, id, async (tx, row) => {
      requireAnswer(row, body);
      const resolved = await writeResolution(tx, row, resolutionOf(caller, row, body));
      await tellResolved(tx, resolved, place);
      if (resolved.status === 'approved') await this.grants.grant(tx, caller, resolved);
      return resolved;
    });
  }

  /** Each on its own: what fails keeps no other back. */
  async resolveAll(caller: Caller, { ids, decision, comment }: BulkResolveDto): Promise<BulkOutcome[]> {
    const outcomes: BulkOutcome[] = [];
    for (const id of ids.map((one) => one.toLowerCase())) {
      const response = decision === 'respond' ? comment : undefined;
      try {
        outcomes.push({ id, approval: await this.resolve(caller, id, { decision, comment, response }) });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        outcomes.push({ id, problem: error });
      }
    }
    return outcomes;
  }

  /** @throws Problem not_found, own_request, forbidden, already_decided, invalid_values */
  delegate(caller: Caller, id: string, to: AssigneeDto): Promise<ApprovalRow> {
    return this.deciding(caller, id, async (tx, row) => {
      const found = await this.assignees.find(tx, caller, to, 'to');
      requireAble(row, found);
      const delegated = await writeAssignees(tx, row, [found.assignee]);
      await tellDelegated(tx, delegated, caller.actor, row.assignees);
      return delegated;
    });
  }

  /** By whoever asked, or on their behalf by an owner or admin. @throws Problem not_found, forbidden, already_decided */
  cancel(caller: Caller, id: string, reason: string | undefined): Promise<ApprovalRow> {
    return this.onTime(caller, id, async (tx, row) => {
      if (!isSameParty(requesterOf(row), caller) && caller.role !== 'owner' && caller.role !== 'admin') {
        throw new Problem('forbidden', { detail: 'Whoever asked takes it back, or an owner or admin.' });
      }
      requirePending(row);
      const cancelled = await writeResolution(tx, row, { status: 'cancelled', comment: reason, ...byCaller(caller) });
      await tellResolved(tx, cancelled);
      return cancelled;
    });
  }

  private deciding(
    caller: Caller,
    id: string,
    act: (tx: Tx, row: LockedApproval) => Promise<ApprovalRow>,
  ): Promise<ApprovalRow> {
    return this.onTime(caller, id, async (tx, row) => {
      await this.requireAnother(tx, caller, requesterOf(row));
      requireDecider(caller, row);
      requirePending(row);
      return act(tx, row);
    });
  }

  /** Nobody decides their own request, whatever keys they have made themselves. @throws Problem own_request */
  private async requireAnother(tx: Tx, caller: Caller, requester: Party): Promise<void> {
    const isSame =
      isSameParty(requester, caller) ||
      (requester.keyId !== null &&
        isSameParty(await this.origins.originOf(tx, requester.keyId), await this.origins.originOf(tx, caller.keyId)));
    if (!isSame) return;
    throw new Problem('own_request', {
      detail: 'Somebody else decides what this key, its agent or its member, or a key made by it, asked for.',
    });
  }

  /** Acts on an approval under its lock. A deadline that has passed comes first, also when no duty has seen it yet. */
  private async onTime(
    caller: Caller,
    id: string,
    act: (tx: Tx, row: LockedApproval) => Promise<ApprovalRow>,
  ): Promise<ApprovalRow> {
    const acted = await this.db.inWorkspace(caller, async (tx) => {
      const row = await present(tx, caller, id);
      if (!row.is_late) return act(tx, row);
      if ((await timeOut(tx, row)) === 'escalated') return act(tx, await present(tx, caller, id));
      return null;
    });
    // Thrown only now: what the clock decided is committed.
    if (acted === null) throw alreadyDecided('Its deadline has passed.');
    return acted;
  }
}

async function present(tx: Tx, caller: Caller, id: string): Promise<LockedApproval> {
  const row = await lockApproval(tx, caller.workspaceId, id);
  if (!row) throw notFound();
  return row;
}

function requireDecider(caller: Caller, row: ApprovalRow): void {
  const isMoney = row.kind !== 'action';
  if (mayDecide(row.policy, row.assignees, caller) && (!isMoney || mayDo(caller.role, 'budgets:write'))) return;
  throw new Problem('forbidden', {
    detail: row.policy === 'blocked' ? 'Only an owner decides this.' : 'Others are asked to decide this.',
    extensions: { assignees: row.assignees },
  });
}

function requirePending(row: ApprovalRow): void {
  if (row.status !== 'pending') throw alreadyDecided(`It is ${row.status}.`, row.status);
}

function alreadyDecided(detail: string, approvalStatus?: string): Problem {
  return new Problem('already_decided', { detail, extensions: approvalStatus === undefined ? {} : { approvalStatus } });
}

function requireAnswer(row: ApprovalRow, { decision, option, comment, edits, response }: ResolveDto): void {
  if (option !== undefined && !row.options.includes(option)) throw invalid('option', 'This option was not offered.');
  if (decision === 'approve_with_edits' && edits === undefined)
    throw invalid('edits', 'Send the whole payload as edited.');
  if (decision !== 'approve_with_edits' && edits !== undefined)
    throw invalid('edits', 'Edits go with approve_with_edits.');
  if (decision === 'approve_with_edits' && row.kind !== 'action') {
    throw invalid('decision', 'What a budget is asked for is granted as it is, or rejected.');
  }
  if (decision === 'respond' && response === undefined && option === undefined && comment === undefined) {
    throw invalid('response', 'Send a response, an option or a comment.');
  }
}

function resolutionOf(caller: Caller, row: ApprovalRow, body: ResolveDto): Resolution {
  const { decision, option, comment, edits, response } = body;
  const isApproved = OUTCOMES[decision] === 'approved';
  const approvedDigest = decision === 'approve_with_edits' ? payloadDigest(edits) : row.payload_digest;
  return {
    status: OUTCOMES[decision],
    ...{ decision, option, comment, edits, response, ...byCaller(caller) },
    ...(isApproved ? { approvedDigest } : {}),
  };
}

function byCaller({ actor, agentId, memberId }: Caller) {
  return { by: actor, agentId, memberId };
}

function requesterOf(row: ApprovalRow): Party {
  return { keyId: row.requester_key_id, agentId: row.requester_agent_id, memberId: row.requester_member_id };
}

/** @throws Problem invalid_values when it would be handed to somebody who may not decide it */
function requireAble(row: ApprovalRow, { assignee, role }: FoundAssignee): void {
  const { agentId, memberId } = requesterOf(row);
  const isRequester =
    ('agent' in assignee && assignee.agent === agentId) || ('member' in assignee && assignee.member === memberId);
  if (isRequester) throw invalid('to', 'Nobody decides their own request.');
  if (row.policy === 'blocked' && role !== 'owner') throw invalid('to', 'Only an owner decides this.');
  if (row.kind !== 'action' && role !== 'owner' && role !== 'admin') {
    throw invalid('to', 'Only owners and admins decide about budgets.');
  }
}
