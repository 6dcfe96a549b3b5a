import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ESCALATION_ACTIONS, ESCALATION_TRIGGERS, type EscalationTrigger } from '@houston/common/domain/escalation.js';
import type { RuleAction, RuleRow } from '@houston/common/escalation/escalation.row.js';
import { MatchView } from './rule.dto.js';

export class RuleLevelView {
  @ApiProperty({ type: [Object], example: ['notify'] })
  actions: (string | Record<string, unknown>)[];
}

export class RuleView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'Blocked for more than 30 minutes' })
  name: string;

  @ApiProperty({ allOf: [{ $ref: getSchemaPath(MatchView) }], example: { status: 'blocked' } })
  match: object;

  @ApiProperty({ enum: ESCALATION_TRIGGERS })
  trigger: EscalationTrigger;

  @ApiProperty({ oneOf: [{ type: 'number' }, { type: 'string' }], example: 1800 })
  threshold: number | string;

  @ApiProperty({ type: String, nullable: true, example: null })
  condition: string | null;

  @ApiProperty({
    type: [Object],
    example: ['notify'],
    description: `Names of ${ESCALATION_ACTIONS.join(', ')}; objects where they have been given more than a name`,
  })
  actions: (string | Record<string, unknown>)[];

  @ApiProperty({ type: [RuleLevelView] })
  levels: RuleLevelView[];

  @ApiProperty({ example: 3600 })
  cooldownSeconds: number;

  @ApiProperty({ example: 3 })
  maxDepth: number;

  @ApiProperty()
  enabled: boolean;

  @ApiProperty({ description: 'Who made it: `system` where every workspace begins with it', example: 'system' })
  createdBy: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function ruleView(row: RuleRow): RuleView {
  return {
    id: row.id,
    name: row.name,
    match: row.match,
    trigger: row.trigger,
    threshold: row.pattern ?? row.threshold ?? 0,
    condition: row.condition,
    actions: row.actions.map(actionView),
    levels: row.levels.map((level) => ({ actions: level.actions.map(actionView) })),
    cooldownSeconds: row.cooldown_seconds,
    maxDepth: row.max_depth,
    enabled: row.enabled,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function actionView({ type, recipients, agentId }: RuleAction): string | Record<string, unknown> {
  if (recipients === undefined && agentId === undefined) return type;
  return {
    type,
    ...(recipients === undefined ? {} : { recipients }),
    ...(agentId === undefined ? {} : { agent: agentId }),
  };
}
