import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
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
import { MAX_LIMIT_NANO } from '@houston/common/domain/money.js';
import { TRIGGERS } from '../executions/execution.dto.js';
import { IsTags, IsTimeZone } from '../http/json-fields.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { WEEK_DAYS, type WeekDay, weekDayOf } from './week-start.js';
import { NotBlank } from '../http/not-blank.js';

export const PERIODS = ['day', 'week', 'month', 'total'] as const;
export const LEVELS = ['organization', 'workspace'] as const;
export const MODES = ['enforce', 'observe'] as const;
export const BUDGET_STATUSES = ['open', 'exhausted', 'frozen'] as const;

const MAX_NAME = 200;
const MAX_REASON = 1_000;
const MAX_THRESHOLDS = 20;
const DEFAULT_THRESHOLDS = [50, 75, 90];

export class BudgetScopeDto {
  @ApiPropertyOptional({ example: 'researcher', description: "An agent's name or id" })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({
    example: 'gpt-4o*',
    description: 'A model, or its beginning and a trailing `*`; covers `provider/model` too',
  })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  model?: string;

  @ApiPropertyOptional({ example: 'openai' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  provider?: string;

  @ApiPropertyOptional({ enum: TRIGGERS })
  @MayBeAbsent()
  @IsIn(TRIGGERS)
  trigger?: (typeof TRIGGERS)[number];

  @ApiPropertyOptional({ type: Object, example: { team: 'growth' }, description: 'All of these must be set so' })
  @MayBeAbsent()
  @IsTags()
  tag?: Record<string, string>;
}

export class CreateBudgetDto {
  @ApiProperty({ example: 'Research, daily' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @UsdField({ example: '50', description: 'The most that may be spent per window', maxNano: MAX_LIMIT_NANO })
  limitUsd: bigint;

  @ApiProperty({ enum: PERIODS, example: 'day' })
  @IsIn(PERIODS)
  period: (typeof PERIODS)[number];

  @ApiPropertyOptional({ example: 'Europe/Paris', description: "IANA zone; default: the workspace's own" })
  @MayBeAbsent()
  @IsTimeZone()
  timezone?: string;

  @ApiPropertyOptional({ enum: WEEK_DAYS, default: 'monday', description: 'Also 1 (Monday) to 7; for weekly budgets' })
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => weekDayOf(value))
  @IsIn(WEEK_DAYS)
  weekStart: WeekDay = 'monday';

  @ApiPropertyOptional({ enum: LEVELS, default: 'workspace', description: '`organization` covers every workspace' })
  @MayBeAbsent()
  @IsIn(LEVELS)
  level: (typeof LEVELS)[number] = 'workspace';

  @ApiPropertyOptional({ type: BudgetScopeDto, description: 'What it covers; all that is set must match' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => BudgetScopeDto)
  scope: BudgetScopeDto = {};

  @ApiPropertyOptional({ enum: MODES, default: 'enforce', description: '`observe` counts and alerts, refuses nothing' })
  @MayBeAbsent()
  @IsIn(MODES)
  mode: (typeof MODES)[number] = 'enforce';

  @ApiPropertyOptional({ type: [Number], default: DEFAULT_THRESHOLDS, description: 'Percent spent that raise alerts' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_THRESHOLDS)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(100, { each: true })
  thresholds: number[] = DEFAULT_THRESHOLDS;
}

export class UpdateBudgetDto {
  @ApiPropertyOptional({ example: 'Research, daily' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name?: string;

  @UsdField({
    required: false,
    example: '80',
    description:
      'Acts at once. While raises last it is the limit without them: they come on top, and are taken back on their own',
    maxNano: MAX_LIMIT_NANO,
  })
  @MayBeAbsent()
  limitUsd?: bigint;

  @ApiPropertyOptional({ enum: MODES })
  @MayBeAbsent()
  @IsIn(MODES)
  mode?: (typeof MODES)[number];

  @ApiPropertyOptional({ type: [Number], example: [50, 80, 100] })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_THRESHOLDS)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(100, { each: true })
  thresholds?: number[];

  @Fixed()
  period?: never;

  @Fixed()
  timezone?: never;

  @Fixed()
  weekStart?: never;

  @Fixed()
  level?: never;

  @Fixed()
  scope?: never;
}

export class FreezeBudgetDto {
  @ApiProperty({ example: 'Runaway loop in the crawler', description: 'Shown to whoever is refused' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_REASON)
  reason: string;
}

export class BudgetsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: LEVELS })
  @IsOptional()
  @IsIn(LEVELS)
  level?: (typeof LEVELS)[number];

  @ApiPropertyOptional({ enum: BUDGET_STATUSES })
  @IsOptional()
  @IsIn(BUDGET_STATUSES)
  status?: (typeof BUDGET_STATUSES)[number];

  @ApiPropertyOptional({ description: "Budgets of this agent alone: an agent's name or id" })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({ description: 'A part of the name' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  q?: string;
}

/** What a budget is cannot change under its counters; a different one has counters of its own. */
function Fixed(): PropertyDecorator {
  return (target, property) => {
    MayBeAbsent()(target, property);
    IsIn([], { message: 'It cannot change: make a new budget and delete this one.' })(target, property);
  };
}
