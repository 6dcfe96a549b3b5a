import type { Tx } from '../db/database.js';
import { OWNERS } from '../domain/approval-deciders.js';
import { formatUsd } from '../domain/money.js';
import { appendEvent } from '../events/event-log.js';
import type { ApprovalRow } from './approval.row.js';
import { taskOfRun } from './approval.store.js';

const MAX_TEXT = 2_000;

type Recipient = { member: string } | { agent: string } | { role: string };

/** What an event says beside the approval itself. */
interface Tale {
  type: string;
  actor: string;
  recipients: readonly Recipient[];
  /** One line. */
  title: string;
  text?: string | null;
  critical?: true;
  /** Who does it, and is not to be told of it, also not as one of a role. */
  author?: Recipient | null;
  data?: Record<string, unknown>;
}

/** Asks those who can decide. One that nobody needs to decide is told to nobody in person. */
export function tellRequested(tx: Tx, row: ApprovalRow): Promise<void> {
  const isOpen = row.status === 'pending';
  return tell(tx, row, {
    type: 'approval.requested',
    actor: row.requested_by,
    recipients: isOpen ? withoutRequester(row, row.assignees) : [],
    title: `Approval needed: ${row.action}`,
    text: row.description,
    ...(row.policy === 'blocked' ? { critical: true as const } : {}),
    author: requesterOf(row),
    data: { assignees: row.assignees },
  });
}

export interface AnsweredIn {
  /** In which a button was pressed whose message is edited. */
  slackChannelId?: string;
}

/** Tells whoever asked, unless they did it themselves or the policy answered at once. */
export function tellResolved(tx: Tx, row: ApprovalRow, place: AnsweredIn = {}): Promise<void> {
  const type = row.status === 'expired' || row.status === 'cancelled' ? `approval.${row.status}` : 'approval.resolved';
  const isMachine = row.resolved_by === 'policy' || row.resolved_by === 'timeout';
  const [asker, author] = [requesterOf(row), resolverOf(row)];
  const isNews = row.resolved_by !== 'policy' && JSON.stringify(asker) !== JSON.stringify(author);
  return tell(tx, row, {
    type,
    actor: isMachine || row.resolved_by === null ? 'system' : row.resolved_by,
    recipients: isNews && asker !== null ? [asker] : [],
    title: `${row.action}: ${row.status}`,
    text: row.comment ?? row.option,
    author,
    data: {
      decision: row.decision,
      option: row.option,
      comment: row.comment === null ? null : shortened(row.comment),
      approvedDigest: row.approved_digest,
      resolvedBy: row.resolved_by,
      ...place,
    },
  });
}

export function tellDelegated(tx: Tx, row: ApprovalRow, actor: string, from: unknown): Promise<void> {
  return tell(tx, row, {
    ...{ type: 'approval.delegated', actor, recipients: row.assignees },
    ...{ title: `Approval needed: ${row.action}`, text: row.description, author: requesterOf(row) },
    data: { from, assignees: row.assignees },
  });
}

export function tellReminded(tx: Tx, row: ApprovalRow, recipients: readonly Recipient[]): Promise<void> {
  return tell(tx, row, {
    ...{ type: 'approval.reminded', actor: 'system', recipients: withoutRequester(row, recipients) },
    ...{ title: `Still waiting for approval: ${row.action}`, text: row.description, author: requesterOf(row) },
    data: { reminders: row.reminders },
  });
}

/** Its deadline has passed: it goes to the owners. */
export function tellEscalated(tx: Tx, row: ApprovalRow): Promise<void> {
  return tell(tx, row, {
    ...{ type: 'escalation.raised', actor: 'system', recipients: withoutRequester(row, row.assignees), critical: true },
    ...{ title: `Nobody has decided in time: ${row.action}`, text: row.description, author: requesterOf(row) },
    data: { reason: 'approval_deadline', assignees: row.assignees },
  });
}

async function tell(tx: Tx, row: ApprovalRow, tale: Tale): Promise<void> {
  const { type, actor, title, text, critical, author = null, data } = tale;
  const recipients = each(tale.recipients);
  await appendEvent(tx, {
    ...{ type, actor, subject: `approval:${row.id}`, workspaceId: row.workspace_id },
    data: {
      ...describe(row),
      taskId: await taskOf(tx, row),
      ...data,
      ...(recipients.length === 0 ? {} : { recipients, title, text: shortened(text ?? '') }),
      ...(recipients.length === 0 || row.channels === null ? {} : { channels: row.channels }),
      ...(critical ? { critical } : {}),
      ...(author === null ? {} : { author }),
    },
  });
}

function describe(row: ApprovalRow): Record<string, unknown> {
  return {
    approvalId: row.id,
    kind: row.kind,
    status: row.status,
    policy: row.policy,
    action: row.action,
    risk: row.risk,
    confidence: row.confidence,
    isExternal: row.is_external,
    executionId: row.execution_id,
    budgetId: row.budget_id,
    payloadDigest: row.payload_digest,
    estimatedCostUsd: row.estimated_nano === null ? null : formatUsd(BigInt(row.estimated_nano)),
    options: row.options,
    recommended: row.recommended,
    deadline: row.deadline?.toISOString() ?? null,
    requestedBy: row.requested_by,
    agentId: row.requester_agent_id,
  };
}

/** What is asked about a run is also told where its task is followed. */
async function taskOf(tx: Tx, row: ApprovalRow): Promise<string | null> {
  if (row.task_id !== null || row.execution_id === null) return row.task_id;
  return taskOfRun(tx, row.workspace_id, row.execution_id);
}

/** The agent or member that asked; a bare key cannot be told anything. */
export function requesterOf(row: ApprovalRow): Recipient | null {
  return party(row.requester_agent_id, row.requester_member_id);
}

function resolverOf(row: ApprovalRow): Recipient | null {
  return party(row.resolver_agent_id, row.resolver_member_id);
}

function party(agentId: string | null, memberId: string | null): Recipient | null {
  if (agentId !== null) return { agent: agentId };
  return memberId === null ? null : { member: memberId };
}

/** Where nobody but the requester is asked, owners are told: they may always decide, and nobody else may. */
function withoutRequester(row: ApprovalRow, recipients: readonly Recipient[]): readonly Recipient[] {
  const others = recipients.filter(
    (one) =>
      !('member' in one && one.member === row.requester_member_id) &&
      !('agent' in one && one.agent === row.requester_agent_id),
  );
  return others.length === 0 ? OWNERS : others;
}

/** Nobody twice. */
function each(recipients: readonly Recipient[]): Recipient[] {
  return [...new Map(recipients.map((one) => [JSON.stringify(one), one])).values()];
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
