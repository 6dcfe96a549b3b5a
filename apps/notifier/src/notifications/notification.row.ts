import type { QuietHours } from '@houston/common/notifications/quiet-hours.js';

/** A notification and where it goes, as it stands when an attempt begins. */
export interface NotificationRow {
  id: string;
  event_type: string;
  channel: 'slack' | 'email' | 'inbox' | 'agent';
  member_id: string | null;
  agent_id: string | null;
  channel_id: string | null;
  title: string;
  text: string;
  subject: string;
  refs: Record<string, string>;
  critical: boolean;
  reply_url: string | null;
  digest_open: boolean;
  status: 'queued' | 'attempted' | 'delivered' | 'failed' | 'poisoned';
  attempt_count: number;
  schedule_step: number;
  interruption_count: number;
  next_attempt_at: Date | null;
  claimed_until: Date | null;
  claimed_at: Date | null;
  /** The workspace has switched notifications off. */
  is_paused: boolean;
  /** Of the member, or of the channel; null where there is none any more. */
  address: string | null;
  /** Of a Slack channel. */
  url: string | null;
  /** Buttons can be answered. */
  has_signing_secret: boolean;
  /** Of a message in Slack that asks for a decision. */
  asked_approval_id: string | null;
  /** What is told has a rendering of its own for Slack; null: its words are. */
  slack_message: Record<string, unknown> | null;
  /** The recipient still wants it: a member who is there, a channel that is enabled. */
  is_reachable: boolean;
  /** In which a mail that is not critical waits. */
  quiet_hours: QuietHours | null;
  /** The database's clock. */
  now: Date;
}

export type DeadReason = 'attempts' | 'timeout' | 'permanent' | 'poison';

export interface AttemptRow {
  number: number;
  at: Date;
  durationMs: number | null;
  status: number | null;
  errorClass: string | null;
  response: string | null;
  nextAttemptAt: Date | null;
}
