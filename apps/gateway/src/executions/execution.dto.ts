import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MAX_TOKENS } from '@houston/common/domain/usage.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent } from '../http/optional.js';
import { IsMetadata, IsTags } from '../http/json-fields.js';
import { NotBlank } from '../http/not-blank.js';

export const TRIGGERS = ['manual', 'cron', 'heartbeat', 'delegation', 'workflow'] as const;
export const OUTCOMES = ['succeeded', 'failed', 'timeout', 'cancelled'] as const;
export const EXECUTION_STATUSES = ['admitted', 'denied', ...OUTCOMES, 'expired'] as const;

export const MAX_NAME = 200;
const MAX_HOLD_SECONDS = 86_400;
const DEFAULT_HOLD_SECONDS = 900;
const MAX_RECORD = 1_000;
const MAX_TEXT = 8_000;
const MAX_DURATION_MS = 31 * 86_400_000;

export class EstimateDto {
  @ApiPropertyOptional({ example: 1200, description: 'Prompt tokens, cached ones included' })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(MAX_TOKENS)
  inputTokens?: number;

  @ApiPropertyOptional({ example: 800, description: 'The most it may generate, reasoning included' })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(MAX_TOKENS)
  maxOutputTokens?: number;

  @UsdField({ required: false, description: 'Instead of tokens: the most it may cost' })
  @MayBeAbsent()
  costUsd?: bigint;
}

/** What every execution says of itself, whether it asks before or is recorded afterwards. */
class ExecutionFields {
  @ApiProperty({ example: 'researcher', description: "The agent's name (or id)" })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent: string;

  @ApiProperty({ example: 'gpt-4o-mini' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  model: string;

  @ApiPropertyOptional({ example: 'openai', description: "Default: the provider that the model's name belongs to" })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  provider?: string;

  @ApiPropertyOptional({ enum: TRIGGERS, default: 'manual' })
  @MayBeAbsent()
  @IsIn(TRIGGERS)
  trigger: (typeof TRIGGERS)[number] = 'manual';

  @ApiPropertyOptional({ example: 'T-17', description: 'The task it works on' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  taskId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The execution that started this one' })
  @MayBeAbsent()
  @IsUUID()
  parentId?: string;

  @ApiPropertyOptional({
    example: { team: 'growth' },
    description: 'Up to 20 names with text values; budgets can match them',
  })
  @MayBeAbsent()
  @IsTags()
  tags?: Record<string, string>;

  @ApiPropertyOptional({ example: { ticket: 4711 }, description: 'Any JSON object up to 16 kB' })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, unknown>;
}

export class CreateExecutionDto extends ExecutionFields {
  @ApiProperty({ type: EstimateDto, description: '`{inputTokens, maxOutputTokens}` or `{costUsd}`' })
  @IsObject()
  @ValidateNested()
  @Type(() => EstimateDto)
  estimate: EstimateDto;

  @ApiPropertyOptional({
    minimum: 1,
    maximum: MAX_HOLD_SECONDS,
    default: DEFAULT_HOLD_SECONDS,
    description: 'How long the money is held without a sign of life',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_HOLD_SECONDS)
  holdSeconds: number = DEFAULT_HOLD_SECONDS;

  @ApiPropertyOptional({ default: false, description: 'Answer what would happen, hold nothing, write nothing' })
  @MayBeAbsent()
  @IsBoolean()
  dryRun: boolean = false;
}

const USAGE_EXAMPLE = { inputTokens: 1200, outputTokens: 350, cacheReadTokens: 800 };
const USAGE_DESCRIPTION =
  'Cumulative. `inputTokens` includes cached and `outputTokens` includes reasoning tokens; the spellings of OpenAI and Anthropic are understood too';

export class ReportUsageDto {
  @ApiProperty({ type: Object, example: USAGE_EXAMPLE, description: USAGE_DESCRIPTION })
  @IsObject()
  usage: Record<string, unknown>;
}

class OutcomeFields {
  @ApiPropertyOptional({ type: Object, example: USAGE_EXAMPLE, description: USAGE_DESCRIPTION })
  @MayBeAbsent()
  @IsObject()
  usage?: Record<string, unknown>;

  @UsdField({ required: false, description: 'Instead of usage: what it cost' })
  @MayBeAbsent()
  costUsd?: bigint;

  @UsdField({ required: false, description: 'What the agent believes it cost; kept apart, never counted' })
  @MayBeAbsent()
  reportedCostUsd?: bigint;

  @ApiPropertyOptional({ example: 5400 })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(MAX_DURATION_MS)
  durationMs?: number;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  error?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  summary?: string;
}

export class CompleteExecutionDto extends OutcomeFields {
  @ApiProperty({ enum: OUTCOMES })
  @IsIn(OUTCOMES)
  status: (typeof OUTCOMES)[number];
}

export class RecordedExecutionDto extends ExecutionFields {
  @ApiProperty({
    example: 'run-2026-11-21-0001',
    description: 'Your id; a second item with the same one is not counted again',
  })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  externalId: string;

  @ApiPropertyOptional({ enum: OUTCOMES, default: 'succeeded' })
  @MayBeAbsent()
  @IsIn(OUTCOMES)
  status: (typeof OUTCOMES)[number] = 'succeeded';

  @ApiProperty({ example: '2026-11-21T09:30:00Z', description: 'When it ran; decides the window in which it counts' })
  @IsISO8601({ strict: true })
  startedAt: string;

  @ApiPropertyOptional({ example: '2026-11-21T09:30:05Z' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  endedAt?: string;

  @ApiPropertyOptional({ type: Object, example: USAGE_EXAMPLE, description: USAGE_DESCRIPTION })
  @MayBeAbsent()
  @IsObject()
  usage?: Record<string, unknown>;

  @UsdField({ required: false, description: 'Instead of usage: what it cost' })
  @MayBeAbsent()
  costUsd?: bigint;

  @UsdField({ required: false })
  @MayBeAbsent()
  reportedCostUsd?: bigint;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(MAX_DURATION_MS)
  durationMs?: number;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  error?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  summary?: string;
}

export class RecordExecutionsDto {
  @ApiProperty({ type: [RecordedExecutionDto], minItems: 1, maxItems: MAX_RECORD })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_RECORD)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => RecordedExecutionDto)
  items: RecordedExecutionDto[];
}
