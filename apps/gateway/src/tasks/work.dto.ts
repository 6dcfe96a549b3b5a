import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';
import { IsJson } from './json-limit.js';
import { NotBlank } from '../http/not-blank.js';

export const MAX_WAIT_SECONDS = 30;
const MAX_PROGRESS_BYTES = 16_384;
const MAX_RESULT_BYTES = 1_048_576;
const MAX_TEXT = 8_192;

export class ClaimQuery {
  @ApiPropertyOptional({ minimum: 0, maximum: MAX_WAIT_SECONDS, default: 0, description: 'Seconds to wait for work' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(MAX_WAIT_SECONDS)
  wait: number = 0;
}

export class LeaseDto {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  id: string;

  @ApiProperty({ example: 1, description: 'Rises with every lease of the task' })
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  fence: number;

  /** Tolerated, so that an agent can send the lease back as it was given. */
  @ApiPropertyOptional({ format: 'date-time', description: 'Not looked at' })
  @IsOptional()
  @IsISO8601()
  expiresAt?: string;
}

/** What every write of a worker presents. */
export class LeasedDto {
  @ApiProperty({ type: LeaseDto })
  @IsObject()
  @ValidateNested()
  @Type(() => LeaseDto)
  lease: LeaseDto;
}

const USAGE_EXAMPLE = { inputTokens: 1200, outputTokens: 350 };

export class HeartbeatDto extends LeasedDto {
  @ApiPropertyOptional({ example: { page: 3 }, description: 'Any JSON up to 16 kB; the next attempt receives it' })
  @IsOptional()
  @IsJson(MAX_PROGRESS_BYTES)
  progress?: unknown;

  @ApiPropertyOptional({ type: Object, example: USAGE_EXAMPLE, description: 'Cumulative for this attempt' })
  @IsOptional()
  @IsObject()
  usage?: Record<string, unknown>;
}

export class CompleteDto extends LeasedDto {
  @ApiPropertyOptional({ example: { summary: 'All is well' }, description: 'Any JSON up to 1 MB' })
  @IsOptional()
  @IsJson(MAX_RESULT_BYTES)
  result?: unknown;

  @ApiPropertyOptional({ example: { url: 'https://example.com/reports/q3' }, description: 'Text, or any JSON' })
  @IsOptional()
  @IsJson(MAX_PROGRESS_BYTES)
  evidence?: unknown;

  @ApiPropertyOptional({ example: 'done', description: '`review` hands it to a person; anything else is kept as told' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  outcome?: string;

  @ApiPropertyOptional({ type: Object, example: USAGE_EXAMPLE, description: 'Cumulative for this attempt' })
  @IsOptional()
  @IsObject()
  usage?: Record<string, unknown>;
}

export class FailDto extends LeasedDto {
  @ApiProperty({ enum: ['transient', 'permanent', 'quota'] })
  @IsIn(['transient', 'permanent', 'quota'])
  kind: 'transient' | 'permanent' | 'quota';

  @ApiProperty({ example: 'The archive did not answer', description: 'Up to 8 kB' })
  @IsString()
  @MaxLength(MAX_TEXT)
  error: string;

  @ApiPropertyOptional({ example: 'ArchiveTimeout', description: 'Compared with `retryPolicy.nonRetryableErrors`' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  errorType?: string;

  @ApiPropertyOptional({ example: '2026-11-21T12:00:00Z', description: 'For `quota`: at most 31 days ahead' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  resetsAt?: string;

  @ApiPropertyOptional({ type: Object, example: USAGE_EXAMPLE, description: 'Cumulative for this attempt' })
  @IsOptional()
  @IsObject()
  usage?: Record<string, unknown>;

  @ApiPropertyOptional({ example: 'openai', description: "For `quota`; default: the agent's provider" })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(200)
  provider?: string;
}

export class BlockDto extends LeasedDto {
  @ApiPropertyOptional({ example: 'Waits for access to the archive' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  blockerReason?: string;
}

export class ReleaseDto extends LeasedDto {
  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  reason?: string;
}
