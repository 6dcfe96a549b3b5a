import { ApiProperty } from '@nestjs/swagger';
import { TASK_PRIORITIES } from '@houston/common/tasks/task.row.js';
import { Author } from '../authors/author.js';
import { type AgentMessageRow, MESSAGE_TYPES } from './agent-message.row.js';

export class AgentMessageView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ type: Author })
  from: Author;

  @ApiProperty({ type: Author, description: 'The agent it was sent to' })
  to: Author;

  @ApiProperty({ enum: MESSAGE_TYPES })
  type: string;

  @ApiProperty({ enum: TASK_PRIORITIES })
  priority: string;

  @ApiProperty({ type: String, nullable: true, example: 'Figures for Q3' })
  subject: string | null;

  @ApiProperty({ example: 'Please check the totals before noon.' })
  body: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  taskId: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  replyTo: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The name of the template it was made from' })
  template: string | null;

  @ApiProperty()
  requiresAck: boolean;

  @ApiProperty({ type: Number, nullable: true })
  ackWithinSeconds: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its silence is escalated' })
  ackDueAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  readAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  acknowledgedAt: string | null;

  @ApiProperty({ type: String, nullable: true })
  response: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its silence was escalated' })
  escalatedAt: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', description: 'When it is forgotten' })
  expiresAt: string;
}

export class BatchReadView {
  @ApiProperty({ type: [String], format: 'uuid', description: 'Those that are read now' })
  read: string[];

  @ApiProperty({ type: [String], format: 'uuid', description: 'Those that do not exist or belong to somebody else' })
  skipped: string[];
}

export function agentMessageView(row: AgentMessageRow): AgentMessageView {
  return {
    ...{ id: row.id, from: row.sender, to: { agent: row.agent_id, name: row.agent_name } },
    ...{ type: row.type, priority: row.priority, subject: row.subject, body: row.body },
    ...{ taskId: row.task_id, replyTo: row.reply_to, template: row.template },
    ...{ requiresAck: row.requires_ack, ackWithinSeconds: row.ack_within_seconds },
    ackDueAt: row.ack_due_at?.toISOString() ?? null,
    readAt: row.read_at?.toISOString() ?? null,
    acknowledgedAt: row.acknowledged_at?.toISOString() ?? null,
    response: row.response,
    escalatedAt: row.escalated_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}
