import { ApiProperty } from '@nestjs/swagger';
import { ESCALATION_ACTIONS, ESCALATION_STATUSES, type EscalationStatus } from '@houston/common/domain/escalation.js';
import type { EscalationRow } from '@houston/common/escalation/escalation.row.js';

export class ActionResultView {
  @ApiProperty({ enum: ESCALATION_ACTIONS })
  type: string;
  @ApiProperty()
  done: boolean;
  @ApiProperty({ required: false, example: 'From normal to high' })
  detail?: string;
}

export class EscalationView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  ruleId: string;

  @ApiProperty({ example: 'Blocked for more than 30 minutes' })
  rule: string;

  @ApiProperty({
    format: 'uuid',
    nullable: true,
    type: String,
    description: 'Null when it is about an agent, a budget, or an approval that is about no task',
  })
  taskId: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  agentId: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  budgetId: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'Of an approval that is about no task' })
  approvalId: string | null;

  @ApiProperty({ example: 1, description: 'Which firing since the rule began to hold' })
  level: number;

  @ApiProperty({ example: 'It has been blocked since 2026-11-21T10:00:00.000Z.' })
  reason: string;

  @ApiProperty({ type: [ActionResultView], description: 'What was done' })
  actions: ActionResultView[];

  @ApiProperty({ enum: ESCALATION_STATUSES })
  status: EscalationStatus;

  @ApiProperty({ format: 'date-time', description: 'When it was due' })
  dueAt: string;

  @ApiProperty({ format: 'date-time' })
  raisedAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  acknowledgedAt: string | null;

  @ApiProperty({ nullable: true, type: String, example: 'key:0199…' })
  acknowledgedBy: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  resolvedAt: string | null;

  @ApiProperty({ nullable: true, type: String })
  resolvedBy: string | null;

  @ApiProperty({ nullable: true, type: String, example: 'It no longer holds.' })
  resolution: string | null;
}

export function escalationView(row: EscalationRow): EscalationView {
  const about = (kind: EscalationRow['subject_kind']) => (row.subject_kind === kind ? row.subject_id : null);
  return {
    ...{ id: row.id, ruleId: row.rule_id, rule: row.rule_name },
    ...{ taskId: about('task'), agentId: about('agent'), budgetId: about('budget'), approvalId: about('approval') },
    ...{ level: row.level, reason: row.reason, actions: row.actions, status: row.status },
    dueAt: row.since.toISOString(),
    raisedAt: row.raised_at.toISOString(),
    acknowledgedAt: row.acknowledged_at?.toISOString() ?? null,
    acknowledgedBy: row.acknowledged_by,
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    resolvedBy: row.resolved_by,
    resolution: row.resolution,
  };
}
