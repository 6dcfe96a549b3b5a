import { ApiProperty } from '@nestjs/swagger';
import { APPROVAL_CHANNELS, type ApprovalRow } from '@houston/common/approvals/approval.row.js';
import { APPROVAL_POLICIES, RISKS } from '@houston/common/domain/approval-policy.js';
import { APPROVAL_STATUSES, DECISIONS, TIMEOUTS } from '@houston/common/domain/approval-states.js';
import { formatUsd } from '@houston/common/domain/money.js';

const DIGEST = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

export class PartyView {
  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  agent: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  member: string | null;
}

export class ApprovalSubjectView {
  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  taskId: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  executionId: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'Of a raise, or of an unfreezing' })
  budgetId: string | null;

  @ApiProperty({ example: 'send_email' })
  action: string;
}

export class ApprovalView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['action', 'raise', 'unfreeze'], description: '`raise`: a yes raises a budget for a time' })
  kind: string;

  @ApiProperty({ enum: APPROVAL_STATUSES })
  status: string;

  @ApiProperty({ enum: APPROVAL_POLICIES, description: '`blocked` waits for owners only' })
  policy: string;

  @ApiProperty({ type: [String], example: ['medium_risk'], description: 'The rules that made it so' })
  policyReasons: string[];

  @ApiProperty({ type: ApprovalSubjectView })
  subject: ApprovalSubjectView;

  @ApiProperty()
  description: string;

  @ApiProperty({ nullable: true, type: Number, example: 72 })
  confidence: number | null;

  @ApiProperty({ enum: RISKS })
  risk: string;

  @ApiProperty()
  isExternal: boolean;

  @ApiProperty({ type: [String] })
  options: string[];

  @ApiProperty({ nullable: true, type: String })
  recommended: string | null;

  @ApiProperty({ description: 'Any JSON', nullable: true, type: Object })
  context: unknown;

  @ApiProperty({ description: 'Any JSON', nullable: true, type: Object })
  payload: unknown;

  @ApiProperty({ example: DIGEST, description: 'SHA-256 over the payload as RFC 8785 JSON' })
  payloadDigest: string;

  @ApiProperty({ nullable: true, type: String, example: '0.5' })
  estimatedCostUsd: string | null;

  @ApiProperty({ type: [Object], example: [{ role: 'owner' }, { role: 'admin' }] })
  assignees: object[];

  @ApiProperty({ enum: APPROVAL_CHANNELS, isArray: true, nullable: true })
  channels: string[] | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  deadline: string | null;

  @ApiProperty({ enum: TIMEOUTS })
  onTimeout: string;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'Its deadline has passed: owners decide',
  })
  escalatedAt: string | null;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000000' })
  requestedBy: string;

  @ApiProperty({ type: PartyView })
  requester: PartyView;

  @ApiProperty({ enum: DECISIONS, nullable: true, type: String })
  decision: string | null;

  @ApiProperty({ nullable: true, type: String })
  option: string | null;

  @ApiProperty({ nullable: true, type: String })
  comment: string | null;

  @ApiProperty({ description: 'The payload as it was approved, where it was edited', nullable: true, type: Object })
  edits: unknown;

  @ApiProperty({ description: 'Any JSON', nullable: true, type: Object })
  response: unknown;

  @ApiProperty({ nullable: true, type: String, example: DIGEST, description: 'Digest of what was approved' })
  approvedDigest: string | null;

  @ApiProperty({ nullable: true, type: String, description: 'A key, `policy` or `timeout`' })
  resolvedBy: string | null;

  @ApiProperty({ type: PartyView, nullable: true })
  resolver: PartyView | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  resolvedAt: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

/** A row as the API shows it. */
export function approvalView(row: ApprovalRow): ApprovalView {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    policy: row.policy,
    policyReasons: row.policy_reasons,
    subject: { taskId: row.task_id, executionId: row.execution_id, budgetId: row.budget_id, action: row.action },
    description: row.description,
    confidence: row.confidence,
    risk: row.risk,
    isExternal: row.is_external,
    options: row.options,
    recommended: row.recommended,
    context: row.context,
    payload: row.payload,
    payloadDigest: row.payload_digest,
    estimatedCostUsd: row.estimated_nano === null ? null : formatUsd(BigInt(row.estimated_nano)),
    assignees: row.assignees,
    channels: row.channels,
    deadline: row.deadline?.toISOString() ?? null,
    onTimeout: row.on_timeout,
    escalatedAt: row.escalated_at?.toISOString() ?? null,
    requestedBy: row.requested_by,
    requester: { agent: row.requester_agent_id, member: row.requester_member_id },
    ...decisionView(row),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function decisionView(row: ApprovalRow) {
  return {
    decision: row.decision,
    option: row.option,
    comment: row.comment,
    edits: row.edits,
    response: row.response,
    approvedDigest: row.approved_digest,
    resolvedBy: row.resolved_by,
    resolver: row.decision === null ? null : { agent: row.resolver_agent_id, member: row.resolver_member_id },
    resolvedAt: row.resolved_at?.toISOString() ?? null,
  };
}
