import { ApiProperty } from '@nestjs/swagger';
import { Author } from '../authors/author.js';
import { subscriberOf, type SubscriptionRow } from './subscription.store.js';
import type { TaskMessageRow } from './thread.store.js';

export class TaskMessageView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  taskId: string;

  @ApiProperty({ type: Author })
  author: Author;

  @ApiProperty({ example: 'The figures are in. @reviewer, please have a look.' })
  body: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  replyTo: string | null;

  @ApiProperty({ type: [String], format: 'uuid', description: 'Documents' })
  attachments: string[];

  @ApiProperty({ type: [Author], description: 'Whoever is mentioned' })
  mentions: Author[];

  @ApiProperty({ format: 'date-time' })
  createdAt: string;
}

export class SubscriptionView {
  @ApiProperty({ format: 'uuid' })
  taskId: string;

  @ApiProperty({ type: Author })
  subscriber: Author;

  @ApiProperty({ enum: ['assignment', 'post', 'mention', 'request'] })
  reason: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;
}

export function taskMessageView(row: TaskMessageRow): TaskMessageView {
  return {
    ...{ id: row.id, taskId: row.task_id, author: row.author, body: row.body, replyTo: row.reply_to },
    ...{ attachments: row.attachments, mentions: row.mentions, createdAt: row.created_at.toISOString() },
  };
}

export function subscriptionView(row: SubscriptionRow): SubscriptionView {
  const { task_id: taskId, reason, created_at: createdAt } = row;
  return { taskId, subscriber: subscriberOf(row), reason, createdAt: createdAt.toISOString() };
}
