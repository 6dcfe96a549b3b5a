import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { AttemptResponseView } from '../webhooks/delivery.view.js';
import { DEAD_LETTER_KINDS, DEAD_LETTER_STATUSES } from './dead-letter.dto.js';

export interface DeadLetterRow {
  id: string;
  kind: (typeof DEAD_LETTER_KINDS)[number];
  delivery_id: string | null;
  task_id: string | null;
  notification_id: string | null;
  reason: string;
  status: (typeof DEAD_LETTER_STATUSES)[number];
  summary: Record<string, unknown>;
  created_at: Date;
  resolved_at: Date | null;
  resolved_by: string | null;
}

/** How one attempt at a task ended. */
export class TaskAttemptView {
  @ApiProperty({ example: 1 })
  number: number;
  @ApiProperty({ example: 'transient' })
  kind: string;
  @ApiProperty({ nullable: true, type: String })
  error: string | null;
  @ApiProperty({ nullable: true, type: String })
  errorType: string | null;
  @ApiProperty({ format: 'uuid' })
  agentId: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
}

/** How one attempt to reach somebody ended. */
export class NotificationAttemptView {
  @ApiProperty({ example: 1 })
  number: number;
  @ApiProperty({ format: 'date-time' })
  at: string;
  @ApiProperty({ nullable: true, type: Number, description: 'null: cut off before its outcome was known' })
  durationMs: number | null;
  @ApiProperty({ nullable: true, type: Number, description: 'Of HTTP or SMTP' })
  status: number | null;
  @ApiProperty({ nullable: true, type: String, example: 'mail_refused' })
  errorClass: string | null;
  @ApiProperty({ nullable: true, type: String })
  response: string | null;
}

export class DeadLetterView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: DEAD_LETTER_KINDS, description: 'What was given up; `referenceId` is its id' })
  kind: string;

  @ApiProperty({ format: 'uuid', description: 'For a webhook the delivery, else the task or the notification' })
  referenceId: string;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  taskId: string | null;

  @ApiProperty({ enum: ['attempts', 'timeout', 'permanent', 'poison', 'manual'] })
  reason: string;

  @ApiProperty({ enum: DEAD_LETTER_STATUSES })
  status: string;

  @ApiProperty({
    type: Object,
    example: { type: 'budget.frozen', webhookId: '0199…', host: 'example.com', attempts: 10, lastStatus: 503 },
  })
  summary: Record<string, unknown>;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  resolvedAt: string | null;

  @ApiProperty({ nullable: true, type: String, example: 'key:0199…' })
  resolvedBy: string | null;
}

/** As it stands in a list: the attempts at a task with it, those of a webhook only when it is asked for alone. */
export class ListedDeadLetterView extends DeadLetterView {
  @ApiProperty({ type: [TaskAttemptView], required: false })
  attempts?: TaskAttemptView[];
}

@ApiExtraModels(AttemptResponseView, TaskAttemptView, NotificationAttemptView)
export class DeadLetterDetailView extends DeadLetterView {
  @ApiProperty({
    type: 'array',
    items: {
      oneOf: [
        { $ref: getSchemaPath(AttemptResponseView) },
        { $ref: getSchemaPath(TaskAttemptView) },
        { $ref: getSchemaPath(NotificationAttemptView) },
      ],
    },
    description:
      'Everything that was tried: deliveries of a webhook, attempts at a task, or attempts to reach somebody',
  })
  attempts: (AttemptResponseView | TaskAttemptView | NotificationAttemptView)[];
}

export function deadLetterView(row: DeadLetterRow): DeadLetterView {
  return {
    id: row.id,
    kind: row.kind,
    referenceId: row.task_id ?? row.delivery_id ?? row.notification_id ?? row.id,
    taskId: row.task_id,
    reason: row.reason,
    status: row.status,
    summary: row.summary,
    createdAt: row.created_at.toISOString(),
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    resolvedBy: row.resolved_by,
  };
}

export class ReplayedLetterView {
  @ApiProperty({ format: 'uuid' })
  id: string;
  @ApiProperty({ enum: DEAD_LETTER_KINDS })
  kind: (typeof DEAD_LETTER_KINDS)[number];
  @ApiProperty({ format: 'uuid', description: 'Of the delivery, the task or the notification' })
  referenceId: string;
  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  taskId: string | null;
  @ApiProperty({ description: 'Why it was given up' })
  reason: string;
  @ApiProperty({ example: 0, description: 'Milliseconds from now until it can be taken, or is sent' })
  delayMs: number;
}

export class ReplayView {
  @ApiProperty({ description: 'Nothing was done' })
  preview: boolean;
  @ApiProperty({ example: 2 })
  count: number;
  @ApiProperty({ type: [ReplayedLetterView] })
  items: ReplayedLetterView[];
  @ApiProperty({ type: [String], description: 'Asked for, and not open, not there, or of a webhook that is disabled' })
  skipped: string[];
}
