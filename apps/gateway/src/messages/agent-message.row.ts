import type { TaskPriority } from '@houston/common/tasks/task.row.js';
import type { Author } from '../authors/author.js';

export const MESSAGE_TYPES = ['info', 'request', 'alert', 'handoff'] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

export const MAX_BODY = 65_536;
export const MAX_SUBJECT = 500;

export interface AgentMessageRow {
  id: string;
  agent_id: string;
  agent_name: string;
  sender: Author;
  type: MessageType;
  priority: TaskPriority;
  subject: string | null;
  body: string;
  task_id: string | null;
  reply_to: string | null;
  template: string | null;
  requires_ack: boolean;
  ack_within_seconds: number | null;
  ack_due_at: Date | null;
  read_at: Date | null;
  acknowledged_at: Date | null;
  response: string | null;
  escalated_at: Date | null;
  created_at: Date;
  expires_at: Date;
}

/** What a sender decides of a message. */
export interface Letter {
  type: MessageType;
  priority: TaskPriority;
  subject: string | null;
  body: string;
  task_id: string | null;
  reply_to: string | null;
  template: string | null;
  requires_ack: boolean;
  ack_within_seconds: number | null;
}
