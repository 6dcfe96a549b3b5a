import type { TaskPriority } from '@houston/common/tasks/task.row.js';
import type { MessageType } from '../messages/agent-message.row.js';

export interface MessageTemplateRow {
  id: string;
  name: string;
  type: MessageType;
  priority: TaskPriority;
  subject: string | null;
  body: string;
  requires_ack: boolean;
  ack_within_seconds: number | null;
  version: number;
  created_at: Date;
  updated_at: Date;
}

/** What people decide of a template. */
export type TemplateColumns = Pick<
  MessageTemplateRow,
  'name' | 'type' | 'priority' | 'subject' | 'body' | 'requires_ack' | 'ack_within_seconds'
>;
