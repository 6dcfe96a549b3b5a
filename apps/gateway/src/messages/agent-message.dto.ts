import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsBooleanString,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { TASK_PRIORITIES, type TaskPriority } from '@houston/common/tasks/task.row.js';
import { IsTexts } from '../http/json-fields.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { MAX_BODY, MAX_SUBJECT, MESSAGE_TYPES, type MessageType } from './agent-message.row.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_ACK_SECONDS = 31 * 86_400;
const MAX_TEMPLATE_REF = 100;
const MAX_BATCH = 500;

export class SendMessageDto {
  @ApiPropertyOptional({ enum: MESSAGE_TYPES, default: 'info', description: "Default: the template's, else `info`" })
  @MayBeAbsent()
  @IsIn(MESSAGE_TYPES)
  type?: MessageType;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES, default: 'normal' })
  @MayBeAbsent()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;

  @ApiPropertyOptional({ example: 'Figures for Q3' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_SUBJECT)
  subject?: string;

  @ApiPropertyOptional({ example: 'Please check the totals before noon.', description: 'Needed without a template' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_BODY)
  body?: string;

  @ApiPropertyOptional({
    default: false,
    description: 'It must be acknowledged; until it expires unless said otherwise',
  })
  @MayBeAbsent()
  @IsBoolean()
  requiresAck?: boolean;

  @ApiPropertyOptional({
    example: 600,
    minimum: 1,
    maximum: MAX_ACK_SECONDS,
    description: 'Escalated when it is not acknowledged by then; stands for `requiresAck: true`',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_ACK_SECONDS)
  ackWithinSeconds?: number;

  @ApiPropertyOptional({ format: 'uuid', description: 'The task it is about' })
  @MayBeAbsent()
  @IsUUID()
  taskId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The message it answers' })
  @MayBeAbsent()
  @IsUUID()
  replyTo?: string;

  @ApiPropertyOptional({ example: 'handover', description: 'Name or id; what else is sent goes before it' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TEMPLATE_REF)
  template?: string;

  @ApiPropertyOptional({
    type: Object,
    example: { report: 'Q3' },
    description: 'What stands for the `{{placeholders}}` of the template: texts by name',
  })
  @MayBeAbsent()
  @IsTexts()
  variables?: Record<string, string>;
}

export class AcknowledgeDto {
  @ApiPropertyOptional({ example: 'I am on it.' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_BODY)
  response?: string;
}

export class BatchReadDto {
  @ApiProperty({
    type: [String],
    format: 'uuid',
    minItems: 1,
    maxItems: MAX_BATCH,
    example: ['0199aaaa-0000-7000-8000-000000000001'],
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_BATCH)
  @IsUUID(undefined, { each: true })
  ids: string[];
}

export class MessagesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: ['true', 'false'], description: 'Only those not read yet, or only those read' })
  @IsOptional()
  @IsBooleanString()
  unread?: string;

  @ApiPropertyOptional({
    enum: ['true', 'false'],
    description: 'Only those that still have to be acknowledged, or only the others',
  })
  @IsOptional()
  @IsBooleanString()
  unacknowledged?: string;

  @ApiPropertyOptional({ enum: MESSAGE_TYPES })
  @IsOptional()
  @IsIn(MESSAGE_TYPES)
  type?: MessageType;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES })
  @IsOptional()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;
}
