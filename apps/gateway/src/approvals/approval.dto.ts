import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsDefined,
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
import { APPROVAL_CHANNELS, type ApprovalChannel } from '@houston/common/approvals/approval.row.js';
import { DECIDER_ROLES, type DeciderRole } from '@houston/common/domain/approval-deciders.js';
import { type Risk, RISKS } from '@houston/common/domain/approval-policy.js';
import {
  APPROVAL_STATUSES,
  type ApprovalStatus,
  type OnTimeout,
  TIMEOUTS,
} from '@houston/common/domain/approval-states.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { IsJson } from '../tasks/json-limit.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_ACTION = 200;
const MAX_NAME = 200;
const MAX_TEXT = 8_000;
const MAX_OPTION = 500;
const MAX_OPTIONS = 20;
const MAX_ASSIGNEES = 20;
export const MAX_JSON_BYTES = 262_144;
const MAX_WAIT_SECONDS = 60;
const MAX_DAYS = 365;

export class SubjectDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'The task it is about; while it is in the inbox it waits' })
  @MayBeAbsent()
  @IsUUID()
  taskId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The execution it is about' })
  @MayBeAbsent()
  @IsUUID()
  executionId?: string;

  @ApiProperty({ example: 'send_email', description: 'What is to be done' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_ACTION)
  action: string;
}

/** Exactly one of the three. */
export class AssigneeDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'A member of the workspace' })
  @MayBeAbsent()
  @IsUUID()
  member?: string;

  @ApiPropertyOptional({ example: 'reviewer', description: "An agent's name or id" })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({ enum: DECIDER_ROLES, description: 'Everybody of this role, and of the roles above' })
  @MayBeAbsent()
  @IsIn(DECIDER_ROLES)
  role?: DeciderRole;
}

export class RequestApprovalDto {
  @ApiProperty({ type: SubjectDto, example: { action: 'send_email' } })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => SubjectDto)
  subject: SubjectDto;

  @ApiProperty({ example: 'Send the quarterly report to all customers' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TEXT)
  description: string;

  @ApiPropertyOptional({ minimum: 0, maximum: 100, example: 72, description: 'How sure the asker is' })
  @MayBeNull()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(100)
  confidence?: number | null;

  @ApiProperty({ enum: RISKS, example: 'medium' })
  @IsIn(RISKS)
  risk: Risk;

  @ApiPropertyOptional({ default: false, description: 'It reaches somebody outside' })
  @MayBeAbsent()
  @IsBoolean()
  isExternal: boolean = false;

  @ApiPropertyOptional({ type: [String], example: ['now', 'on Monday'], description: 'Ways of doing it' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_OPTIONS)
  @ArrayUnique()
  @IsString({ each: true })
  @NotBlank({ each: true })
  @MaxLength(MAX_OPTION, { each: true })
  options: string[] = [];

  @ApiPropertyOptional({ example: 'on Monday', description: 'One of the options' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_OPTION)
  recommended?: string;

  @ApiPropertyOptional({ example: { customers: 1840 }, description: 'What to know to decide; any JSON up to 256 kB' })
  @IsOptional()
  @IsJson(MAX_JSON_BYTES)
  context?: unknown;

  @ApiPropertyOptional({
    example: { to: 'all-customers', subject: 'Q3' },
    description: 'Exactly what is to be done; any JSON up to 256 kB. Its digest is what is approved.',
  })
  @IsOptional()
  @IsJson(MAX_JSON_BYTES)
  payload?: unknown;

  @UsdField({ required: false, description: 'What doing it is expected to cost' })
  @MayBeAbsent()
  estimatedCostUsd?: bigint;

  @ApiPropertyOptional({ type: [AssigneeDto], description: 'Who is asked; default: admins and owners' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_ASSIGNEES)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => AssigneeDto)
  assignees: AssigneeDto[] = [];

  @ApiPropertyOptional({ format: 'date-time', description: 'When `onTimeout` happens' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  deadline?: string;

  @ApiPropertyOptional({
    enum: TIMEOUTS,
    default: 'reject',
    description: '`approve` is refused for what is blocked or external',
  })
  @MayBeAbsent()
  @IsIn(TIMEOUTS)
  onTimeout: OnTimeout = 'reject';

  @ApiPropertyOptional({
    enum: APPROVAL_CHANNELS,
    isArray: true,
    description:
      'How those who are asked are told; their inbox always has it, and webhooks hear of it as they are subscribed',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(APPROVAL_CHANNELS.length)
  @ArrayUnique()
  @IsIn(APPROVAL_CHANNELS, { each: true })
  channels?: ApprovalChannel[];
}

export class ApprovalsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: APPROVAL_STATUSES })
  @IsOptional()
  @IsIn(APPROVAL_STATUSES)
  status?: ApprovalStatus;

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  taskId?: string;

  @ApiPropertyOptional({ enum: ['me'], description: 'Those that this key is asked to decide' })
  @IsOptional()
  @IsIn(['me'])
  assignee?: 'me';
}

export class WaitQuery {
  @ApiPropertyOptional({
    minimum: 0,
    maximum: MAX_WAIT_SECONDS,
    default: 0,
    description: 'Seconds to wait for a decision',
  })
  @IsOptional()
  @Type(() => Number)
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(MAX_WAIT_SECONDS)
  wait: number = 0;
}

export class MetricsQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: MAX_DAYS, default: 30, description: 'Decisions of how many days' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_DAYS)
  days: number = 30;
}
