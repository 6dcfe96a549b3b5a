import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { TASK_PRIORITIES, type TaskPriority } from '@houston/common/tasks/task.row.js';
import { MayBeAbsent } from '../http/optional.js';
import { MAX_BODY, MAX_SUBJECT, MESSAGE_TYPES, type MessageType } from '../messages/agent-message.row.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 100;
const MAX_ACK_SECONDS = 31 * 86_400;

export class CreateMessageTemplateDto {
  @ApiProperty({ example: 'handover' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiPropertyOptional({ enum: MESSAGE_TYPES, default: 'info' })
  @MayBeAbsent()
  @IsIn(MESSAGE_TYPES)
  type?: MessageType;

  @ApiPropertyOptional({ enum: TASK_PRIORITIES, default: 'normal' })
  @MayBeAbsent()
  @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;

  @ApiPropertyOptional({ type: String, nullable: true, example: 'Handover of {{report}}' })
  @IsOptional()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_SUBJECT)
  subject?: string | null;

  @ApiProperty({ example: 'The report {{report}} is yours now.' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_BODY)
  body: string;

  @ApiPropertyOptional({ default: false })
  @MayBeAbsent()
  @IsBoolean()
  requiresAck?: boolean;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 1,
    maximum: MAX_ACK_SECONDS,
    description: 'Stands for `requiresAck: true`',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_ACK_SECONDS)
  ackWithinSeconds?: number | null;
}

/** What is named changes, null clears. */
export class UpdateMessageTemplateDto extends PartialType(CreateMessageTemplateDto, { skipNullProperties: false }) {}
