import type { NotificationChannel } from '@houston/common/domain/notification-plan.js';

export const NOTIFICATION_STATUSES = ['queued', 'attempted', 'delivered', 'failed', 'poisoned'] as const;

export interface NotificationRow {
  id: string;
  event_id: string | null;
  event_type: string;
  channel: Exclude<NotificationChannel, 'webhook'>;
  member_id: string | null;
  agent_id: string | null;
  channel_id: string | null;
  title: string;
  text: string;
  subject: string;
  refs: Record<string, string>;
  critical: boolean;
  status: (typeof NOTIFICATION_STATUSES)[number];
  attempt_count: number;
  last_error: string | null;
  next_attempt_at: Date | null;
  created_at: Date;
  delivered_at: Date | null;
  read_at: Date | null;
  archived_at: Date | null;
}

/** A delivery to a webhook, seen as a notification. */
export type WebhookNotificationRow = Pick<
  NotificationRow,
  | 'id'
  | 'event_type'
  | 'subject'
  | 'status'
  | 'attempt_count'
  | 'last_error'
  | 'next_attempt_at'
  | 'created_at'
  | 'delivered_at'
> & { event_id: string; endpoint_id: string };

export const NOTIFICATION_COLUMNS = `id, event_id, event_type, channel, member_id, agent_id, channel_id, title, text, subject,
  refs, critical, status, attempt_count, last_error, next_attempt_at, created_at, delivered_at, read_at, archived_at`;
