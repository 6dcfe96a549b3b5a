import { ApiProperty, ApiPropertyOptional, OmitType, PartialType } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { TASK_STATUSES, type TaskStatus } from '@houston/common/domain/task-states.js';
import { TASK_PRIORITIES, type TaskPriority } from '@houston/common/tasks/task.row.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent } from '../http/optional.js';
import { IsJson } from './json-limit.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_TITLE = 500;
const MAX_DESCRIPTION = 20_000;
const MAX_NAME = 200;
const MAX_TEXT = 8_000;
const MAX_LIST = 50;
const MAX_BULK = 1_000;
const MAX_SECONDS = 31 * 86_400;
const MAX_PAYLOAD_BYTES = 262_144;
const MAX_TOKENS = 1_000_000_000_000;

export class RequiredCapabilityDto {
  @ApiProperty({ example: 'research' })
  @IsString()
  @NotBlank()
  @MaxLength(100)
  name: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 5, default: 1 })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(5)
  minLevel: number = 1;
}

export class RetryPolicyDto {
  @ApiPropertyOptional({ default: 1, description: 'Seconds before the second attempt' })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.001)
  @Max(86_400)
  initialInterval?: number;

  @ApiPropertyOptional({ default: 2 })
  @MayBeAbsent()
  @IsNumber()
  @Min(1)
  @Max(100)
  backoffCoefficient?: number;

  @ApiPropertyOptional({ default: 100, description: 'Seconds: no wait is longer' })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.001)
  @Max(MAX_SECONDS)
  maximumInterval?: number;

  @ApiPropertyOptional({ default: 5, description: 'Attempts in all' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(1_000)
  maximumAttempts?: number;

  @ApiPropertyOptional({ example: ['ValidationError'], description: 'Types of errors that are not tried again' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @IsString({ each: true })
  @MaxLength(MAX_NAME, { each: true })
  nonRetryableErrors?: string[];
}

/** A bare name stands for the capability at any level. */
function capability(value: unknown): unknown {
  if (typeof value === 'string') return Object.assign(new RequiredCapabilityDto(), { name: value });
  if (typeof value !== 'object' || value === null) return value;
  return Object.assign(new RequiredCapabilityDto(), value);
}

export class CreateTaskDto {
  @ApiProperty({ example: 'Summarise the quarterly report' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TITLE)
  title: string;

  @ApiPropertyOptional({ default: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description?: string;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES, default: 'normal' })
  @MayBeAbsent()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;

  @ApiPropertyOptional({
    example: ['research', { name: 'french', minLevel: 3 }],
    type: [Object],
    description: 'Names, or `{name, minLevel}` with a level from 1 to 5',
  })
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(capability) : value))
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  requiredCapabilities?: RequiredCapabilityDto[];

  @ApiPropertyOptional({
    example: 'researcher',
    nullable: true,
    description: 'Only this agent may take it: name or id',
  })
  @IsOptional()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  assignee?: string | null;

  @ApiPropertyOptional({ example: { report: 'Q3' }, description: 'Any JSON up to 256 kB; the agent receives it' })
  @IsOptional()
  @IsJson(MAX_PAYLOAD_BYTES)
  payload?: unknown;

  @ApiPropertyOptional({
    example: { type: 'object', required: ['summary'] },
    nullable: true,
    type: Object,
    description: 'JSON Schema 2020-12 that the result must satisfy; it may refer to itself only',
  })
  @IsOptional()
  @IsObject()
  outputSchema?: Record<string, unknown> | null;

  @ApiPropertyOptional({
    example: '2026-12-01T12:00:00Z',
    nullable: true,
    description: 'Passing it is told as an event',
  })
  @IsOptional()
  @IsISO8601({ strict: true })
  dueAt?: string | null;

  @ApiPropertyOptional({ example: '2026-12-02T12:00:00Z', nullable: true, description: 'The task ends as dead letter' })
  @IsOptional()
  @IsISO8601({ strict: true })
  expiresAt?: string | null;

  @ApiPropertyOptional({
    example: 'urgent',
    nullable: true,
    description:
      "A service level of the workspace (setting `sloTiers`): so many seconds from the task's creation. Any name, with `sloSeconds`",
  })
  @IsOptional()
  @IsString()
  @NotBlank()
  @MaxLength(100)
  slaTier?: string | null;

  @ApiPropertyOptional({ example: 3600, nullable: true, description: "From the task's creation until it is done" })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  sloSeconds?: number | null;

  @ApiPropertyOptional({ type: RetryPolicyDto })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => RetryPolicyDto)
  retryPolicy?: RetryPolicyDto;

  @ApiPropertyOptional({ example: 600, nullable: true, description: 'The longest an attempt may take' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SECONDS)
  executionTimeoutSeconds?: number | null;

  @ApiPropertyOptional({ type: [String], format: 'uuid', description: 'Tasks that must be done first' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(100)
  @IsUUID(undefined, { each: true })
  dependsOn?: string[];

  @UsdField({ required: false, description: 'Held for each attempt before it begins' })
  @IsOptional()
  budgetUsd?: bigint | null;

  @ApiPropertyOptional({ example: 200000, nullable: true, description: 'Advisory: exceeding it flags the task' })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_TOKENS)
  tokenBudget?: number | null;

  @ApiPropertyOptional({ format: 'uuid', description: 'The task it is part of' })
  @IsOptional()
  @IsUUID()
  parentId?: string;

  @ApiPropertyOptional({ example: ['report', 'q3'] })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @IsString({ each: true })
  @NotBlank({ each: true })
  @MaxLength(100, { each: true })
  tags?: string[];
}

/** What is named changes, the rest stays; null clears what may be absent. */
export class UpdateTaskDto extends PartialType(OmitType(CreateTaskDto, ['parentId'] as const), {
  skipNullProperties: false,
}) {}

export class CreateTasksDto {
  @ApiProperty({ type: [CreateTaskDto], minItems: 1, maxItems: MAX_BULK })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_BULK)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => CreateTaskDto)
  items: CreateTaskDto[];
}

export class TransitionDto {
  @ApiProperty({ enum: TASK_STATUSES, example: 'blocked' })
  @IsIn(TASK_STATUSES)
  to: TaskStatus;

  @ApiPropertyOptional({ example: 'Waits for access to the archive', description: 'Needed for `blocked`' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  blockerReason?: string;

  @ApiPropertyOptional({ example: 'https://example.com/reports/q3', description: 'Needed for `done` without a result' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(2_000)
  evidenceRef?: string;

  @ApiPropertyOptional({ description: 'Needed for `review` without a result' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  message?: string;
}
