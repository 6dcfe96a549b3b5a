import { ApiProperty } from '@nestjs/swagger';
import { placeholdersOf } from '@houston/common/domain/message-template.js';
import { TASK_PRIORITIES } from '@houston/common/tasks/task.row.js';
import { MESSAGE_TYPES } from '../messages/agent-message.row.js';
import type { MessageTemplateRow } from './message-template.row.js';

export class MessageTemplateView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'handover' })
  name: string;

  @ApiProperty({ enum: MESSAGE_TYPES })
  type: string;

  @ApiProperty({ enum: TASK_PRIORITIES })
  priority: string;

  @ApiProperty({ type: String, nullable: true, example: 'Handover of {{report}}' })
  subject: string | null;

  @ApiProperty({ example: 'The report {{report}} is yours now.' })
  body: string;

  @ApiProperty({ type: [String], example: ['report'], description: 'What `variables` must have' })
  placeholders: string[];

  @ApiProperty()
  requiresAck: boolean;

  @ApiProperty({ type: Number, nullable: true })
  ackWithinSeconds: number | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function messageTemplateView(row: MessageTemplateRow): MessageTemplateView {
  return {
    ...{ id: row.id, name: row.name, type: row.type, priority: row.priority, subject: row.subject, body: row.body },
    placeholders: placeholdersOf(`${row.subject ?? ''}\n${row.body}`),
    ...{ requiresAck: row.requires_ack, ackWithinSeconds: row.ack_within_seconds },
    ...{ createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString() },
  };
}
