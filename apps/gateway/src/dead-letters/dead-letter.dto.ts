import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
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
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';

export const DEAD_LETTER_KINDS = ['webhook', 'task', 'notification'] as const;
export const DEAD_LETTER_REASONS = ['attempts', 'timeout', 'permanent', 'poison', 'manual'] as const;
export const MAX_REPLAY = 1_000;
export const DEAD_LETTER_STATUSES = ['open', 'replayed', 'discarded'] as const;

export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DEAD_LETTER_STATUSES, default: 'open' })
  @IsOptional()
  @IsIn(DEAD_LETTER_STATUSES)
  status: (typeof DEAD_LETTER_STATUSES)[number] = 'open';

  @ApiPropertyOptional({ enum: DEAD_LETTER_KINDS })
  @IsOptional()
  @IsIn(DEAD_LETTER_KINDS)
  kind?: (typeof DEAD_LETTER_KINDS)[number];

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  taskId?: string;
}

/** Which open dead letters; all conditions must hold. */
export class ReplayFilterDto {
  @ApiPropertyOptional({ enum: DEAD_LETTER_KINDS, default: 'task' })
  @MayBeAbsent()
  @IsIn(DEAD_LETTER_KINDS)
  kind: (typeof DEAD_LETTER_KINDS)[number] = 'task';

  @ApiPropertyOptional({ enum: DEAD_LETTER_REASONS })
  @MayBeAbsent()
  @IsIn(DEAD_LETTER_REASONS)
  reason?: (typeof DEAD_LETTER_REASONS)[number];

  @ApiPropertyOptional({ example: 'report', description: 'A tag of the task; of tasks only' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(100)
  tag?: string;

  @ApiPropertyOptional({ example: '2026-11-21T00:00:00Z', description: 'Given up at or after' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  from?: string;

  @ApiPropertyOptional({ example: '2026-11-22T00:00:00Z', description: 'Given up before' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  to?: string;
}

export class ReplayDto {
  @ApiPropertyOptional({ type: [String], format: 'uuid', maxItems: MAX_REPLAY })
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_REPLAY)
  @IsUUID(undefined, { each: true })
  ids?: string[];

  @ApiPropertyOptional({ type: ReplayFilterDto, description: `Instead of ids; up to ${MAX_REPLAY}, the oldest first` })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => ReplayFilterDto)
  filter?: ReplayFilterDto;

  @ApiPropertyOptional({ example: 5, description: 'How many may be tried again per second; default: all at once' })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.01)
  @Max(1_000)
  ratePerSecond?: number;

  @ApiPropertyOptional({ default: false, description: 'Answer what would happen, change nothing' })
  @MayBeAbsent()
  @IsBoolean()
  preview: boolean = false;
}
