import { NOTIFICATION_CHANNELS } from '@houston/common/domain/notification-plan.js';
import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { NOTIFICATION_STATUSES, type NotificationRow, type WebhookNotificationRow } from './notification.row.js';

/** Exactly one of them. */
export class NotificationRecipientView {
  @ApiPropertyOptional({ format: 'uuid' })
  member?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  agent?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  channel?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  webhook?: string;
}

@ApiExtraModels(NotificationRecipientView)
export class NotificationView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: NOTIFICATION_CHANNELS })
  channel: string;

  @ApiProperty({ type: NotificationRecipientView })
  recipient: NotificationRecipientView;

  @ApiProperty({ enum: NOTIFICATION_STATUSES })
  status: string;

  @ApiProperty({ example: 1 })
  attempts: number;

  @ApiProperty({ nullable: true, type: String, example: 'mail_refused (550): 550 no such user' })
  lastError: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'For an agent: when it is given up' })
  nextAttemptAt: string | null;

  @ApiProperty({ example: 'task.blocked' })
  type: string;

  @ApiProperty({ example: 'task:0199…' })
  subject: string;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'null: of several, a digest' })
  eventId: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  deliveredAt: string | null;
}

export class InboxItemView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'task.blocked' })
  type: string;

  @ApiProperty({ example: 'Blocked: Write the report' })
  title: string;

  @ApiProperty({ example: 'It waits for access to the data.' })
  text: string;

  @ApiProperty({ example: 'task:0199…' })
  subject: string;

  @ApiProperty({ type: Object, example: { taskId: '0199…' }, description: 'What it is about, by the names of events' })
  refs: Record<string, string>;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'null: of several, a digest' })
  eventId: string | null;

  @ApiProperty({ nullable: true, type: String, format: 'uuid' })
  taskId: string | null;

  @ApiProperty()
  critical: boolean;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  readAt: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  archivedAt: string | null;
}

type HowItFares = Omit<WebhookNotificationRow, 'event_id' | 'endpoint_id'> & { event_id: string | null };

/** How it fares; its words are for whom it is for. */
export function notificationView(row: NotificationRow): NotificationView {
  return viewOf(row, row.channel, recipientOf(row));
}

export function webhookNotificationView(row: WebhookNotificationRow): NotificationView {
  return viewOf(row, 'webhook', { webhook: row.endpoint_id });
}

function viewOf(row: HowItFares, channel: string, recipient: NotificationRecipientView): NotificationView {
  return {
    id: row.id,
    channel,
    recipient,
    status: row.status,
    attempts: row.attempt_count,
    lastError: row.last_error,
    nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
    type: row.event_type,
    subject: row.subject,
    eventId: row.event_id,
    createdAt: row.created_at.toISOString(),
    deliveredAt: row.delivered_at?.toISOString() ?? null,
  };
}

export function inboxItemView(row: NotificationRow): InboxItemView {
  return {
    id: row.id,
    type: row.event_type,
    title: row.title,
    text: row.text,
    subject: row.subject,
    refs: row.refs,
    eventId: row.event_id,
    taskId: row.refs['taskId'] ?? null,
    critical: row.critical,
    createdAt: row.created_at.toISOString(),
    readAt: row.read_at?.toISOString() ?? null,
    archivedAt: row.archived_at?.toISOString() ?? null,
  };
}

function recipientOf({ member_id: member, agent_id: agent, channel_id: channel }: NotificationRow) {
  if (member !== null) return { member };
  return agent === null ? { channel: channel ?? '' } : { agent };
}
