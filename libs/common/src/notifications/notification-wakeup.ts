import type { WorkspaceScope } from '../db/database.js';
import type { WakeupOf } from '../queues/queues.js';

export interface DueNotification extends WorkspaceScope {
  notificationId: string;
  /** Attempts begun so far. */
  attemptCount: number;
  /** Milliseconds until it is due; default 0. */
  delayMs?: number;
}

/** The wake-up of a notification's next attempt; each attempt has an id of its own, as a delivery's has. */
export function notificationWakeup(due: DueNotification): WakeupOf<'notifications'> {
  const { organizationId, workspaceId, notificationId, attemptCount, delayMs = 0 } = due;
  return {
    queue: 'notifications',
    payload: { organizationId, workspaceId, notificationId },
    id: `notification.${notificationId}.${attemptCount}`,
    delayMs: Math.max(0, Math.ceil(delayMs)),
  };
}
