import { ApiProperty, ApiPropertyOptional, getSchemaPath, ApiExtraModels, PartialType } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  ESCALATION_ACTIONS,
  ESCALATION_TRIGGERS,
  type EscalationAction,
  type EscalationTrigger,
} from '@houston/common/domain/escalation.js';
import { MayBeAbsent } from '../http/optional.js';
import { IsMatch, IsRecipients, IsThreshold } from './rule-fields.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const MAX_CONDITION = 2_000;
const MAX_ACTIONS = 10;
const MAX_LEVELS = 10;
const MAX_COOLDOWN_SECONDS = 31_536_000;
const MAX_DAYS = 90;

/** A value, or a list of values one of which must be the subject's. */
const oneOrMany = (example: string, description: string) => ({
  oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  example,
  description,
});

/** Documents `match`. */
export class MatchView {
  @ApiPropertyOptional(oneOrMany('urgent', 'Of the task'))
  priority?: string | string[];
  @ApiPropertyOptional(oneOrMany('in_progress', 'Of the task'))
  status?: string | string[];
  @ApiPropertyOptional(oneOrMany('research', 'That the task asks for, or the watched agent has'))
  capability?: string | string[];
  @ApiPropertyOptional(oneOrMany('billing', 'Of the task'))
  tag?: string | string[];
  @ApiPropertyOptional(oneOrMany('researcher', 'Name or id: who has the task or had it last, is watched, or spends'))
  agent?: string | string[];
}

export class ActionDto {
  @ApiProperty({ enum: ESCALATION_ACTIONS })
  @IsIn(ESCALATION_ACTIONS)
  type: EscalationAction;

  @ApiPropertyOptional({
    type: [Object],
    example: [{ role: 'owner' }],
    description:
      'Of notify and requestApproval: `{role}`, `{member: id}` or `{agent: id}`; default: owners and admins, and where an approval waits whoever is asked to decide, from the second level on those above, too',
  })
  @MayBeAbsent()
  @IsRecipients()
  recipients?: Record<string, string>[];

  @ApiPropertyOptional({
    example: 'researcher',
    description: 'Of reassign: to whom, by name or id; default: the best able agent among the others',
  })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent?: string;
}

/** An action's bare name stands for the action. */
function action(value: unknown): unknown {
  if (typeof value === 'string') return Object.assign(new ActionDto(), { type: value });
  return value !== null && typeof value === 'object' ? Object.assign(new ActionDto(), value) : value;
}

const toActions = ({ value }: { value: unknown }): unknown => (Array.isArray(value) ? value.map(action) : value);
const actionsExample = ['notify', { type: 'reassign', agent: 'researcher' }];

export class LevelDto {
  @ApiProperty({ type: [Object], example: ['notify', 'raisePriority'] })
  @Transform(toActions)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ACTIONS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  actions: ActionDto[];
}

@ApiExtraModels(MatchView, ActionDto)
export class CreateRuleDto {
  @ApiProperty({ example: 'Blocked for more than 30 minutes' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiPropertyOptional({
    allOf: [{ $ref: getSchemaPath(MatchView) }],
    example: { status: 'blocked' },
    description: 'What it is about; each field one value or a list. Default: everything its trigger looks at',
  })
  @MayBeAbsent()
  @IsMatch()
  match?: Record<string, unknown>;

  @ApiProperty({ enum: ESCALATION_TRIGGERS })
  @IsIn(ESCALATION_TRIGGERS)
  trigger: EscalationTrigger;

  @ApiProperty({
    oneOf: [{ type: 'number' }, { type: 'string' }],
    example: 1800,
    description:
      'Seconds (timeInStatus, approvalPending, agentSilent), percent (sloConsumed, budgetConsumed), a count (failedAttempts) or a pattern of RE2 (errorPattern)',
  })
  @IsThreshold()
  threshold: number | string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    example: "task.priority == 'urgent' && !('internal' in task.tags)",
    description: 'In CEL, over `task`, `agent` and `now`: it fires only while this is true',
  })
  @IsOptional()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_CONDITION)
  condition?: string | null;

  @ApiPropertyOptional({
    type: [Object],
    example: actionsExample,
    description: `What is done: a name (${ESCALATION_ACTIONS.join(', ')}), or an object with it as \`type\`. May be left out when \`levels\` say it`,
  })
  @MayBeAbsent()
  @Transform(toActions)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ACTIONS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  actions?: ActionDto[];

  @ApiPropertyOptional({
    type: [LevelDto],
    description: 'Other actions for the first firing, the second and so on; the last one is repeated',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LEVELS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => LevelDto)
  levels?: LevelDto[];

  @ApiPropertyOptional({ default: 3600, minimum: 1, description: 'Between one firing and the next' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_COOLDOWN_SECONDS)
  cooldownSeconds?: number;

  @ApiPropertyOptional({ default: 3, minimum: 1, maximum: MAX_LEVELS, description: 'Firings until it ceases to hold' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_LEVELS)
  maxDepth?: number;

  @ApiPropertyOptional({ default: true })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

/** What is named changes. */
export class UpdateRuleDto extends PartialType(CreateRuleDto, { skipNullProperties: false }) {}

export class DryRunDto {
  @ApiPropertyOptional({ default: 7, minimum: 1, maximum: MAX_DAYS })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_DAYS)
  days: number = 7;
}
