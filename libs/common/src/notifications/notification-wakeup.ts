import type { WorkspaceScope } from '../db/database.js';
import type { WakeupOf } from '../queues/queues.js';

/** All mail goes through one server. */
export const MAIL_SERVER = 'mail-server';

export interface DueNotification extends WorkspaceScope {
  notificationId: string;
  channel: string;
  /** Where it is sent to a channel. */
  channelId: string | null;
  /** Attempts begun so far. */
  attemptCount: number;
  /** Overdue: its wake-up may be held by a worker that has died, and must not swallow this one. */
  isLate?: boolean;
  /** Milliseconds until it is due; default 0. */
  delayMs?: number;
}

/** The wake-up of a notification's next attempt; each attempt has an id of its own, as a delivery's has. */
export function notificationWakeup(due: DueNotification): WakeupOf<'notifications'> {
  const {
    organizationId,
    workspaceId,
    notificationId,
    channel,
    channelId,
    attemptCount,
    isLate = false,
    delayMs = 0,
  } = due;
  const endpointId = channel === 'email' ? MAIL_SERVER : (channelId ?? notificationId);
  return {
    queue: 'notifications',
    payload: { organizationId, workspaceId, notificationId, endpointId },
    id: `notification.${notificationId}.${attemptCount}${isLate ? '.late' : ''}`,
    delayMs: Math.max(0, Math.ceil(delayMs)),
  };
}
