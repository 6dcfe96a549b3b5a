import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsNumber,
  IsObject,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { type Decision, DECISIONS } from '@houston/common/domain/approval-states.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent } from '../http/optional.js';
import { IsJson } from '../tasks/json-limit.js';
import { AssigneeDto, MAX_JSON_BYTES } from './approval.dto.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_TEXT = 8_000;
const MAX_OPTION = 500;
const MAX_BULK = 100;
const MAX_RAISE_MINUTES = 43_200;
/** What can be decided of many alike. */
const BULK_DECISIONS = ['approve', 'reject', 'respond'] as const;

export class ResolveDto {
  @ApiProperty({ enum: DECISIONS, example: 'approve' })
  @IsIn(DECISIONS)
  decision: Decision;

  @ApiPropertyOptional({ example: 'on Monday', description: 'One of the options that were offered' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_OPTION)
  option?: string;

  @ApiPropertyOptional({ example: 'Leave out the appendix' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  comment?: string;

  @ApiPropertyOptional({
    example: { to: 'all-customers', subject: 'Q3 report' },
    description: 'With `approve_with_edits`: the whole payload as it is approved',
  })
  @MayBeAbsent()
  @IsJson(MAX_JSON_BYTES)
  edits?: unknown;

  @ApiPropertyOptional({ example: 'Ask the customer first', description: 'With `respond`: any JSON' })
  @MayBeAbsent()
  @IsJson(MAX_JSON_BYTES)
  response?: unknown;
}

export class DelegateDto {
  @ApiProperty({ type: AssigneeDto, example: { role: 'owner' } })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => AssigneeDto)
  to: AssigneeDto;
}

export class CancelDto {
  @ApiPropertyOptional({ example: 'It is no longer needed' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  reason?: string;
}

export class BulkResolveDto {
  @ApiProperty({ type: [String], format: 'uuid', example: ['0199aaaa-0000-7000-8000-000000000000'] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_BULK)
  @ArrayUnique()
  @IsUUID(undefined, { each: true })
  ids: string[];

  @ApiProperty({ enum: BULK_DECISIONS, example: 'approve' })
  @IsIn(BULK_DECISIONS)
  decision: (typeof BULK_DECISIONS)[number];

  @ApiPropertyOptional({ example: 'Routine' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_TEXT)
  comment?: string;
}

export class RequestRaiseDto {
  @UsdField({ example: '5', description: 'How much more the budget that refused should allow' })
  amountUsd: bigint;

  @ApiProperty({ example: 'The report needs one more pass' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TEXT)
  reason: string;

  @ApiProperty({
    example: 60,
    maximum: MAX_RAISE_MINUTES,
    description: 'For how long, from the grant; may be a fraction',
  })
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Max(MAX_RAISE_MINUTES)
  untilMinutes: number;
}

export class RequestUnfreezeDto {
  @ApiProperty({ example: 'The loop is mended' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TEXT)
  reason: string;
}
