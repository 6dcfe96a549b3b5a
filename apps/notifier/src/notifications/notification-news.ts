import type { Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { DeadReason, NotificationRow } from './notification.row.js';

/** Why a notification did not arrive. */
export interface Loss {
  status: 'failed' | 'poisoned';
  reason: DeadReason;
  lastError: string;
  deadLetterId: string;
}

/** Tells that a notification was given up. Its words are not repeated: the ledger keeps them for ever. */
export async function tellLoss(tx: Tx, row: NotificationRow, loss: Loss): Promise<void> {
  // News about news would never end.
  if (row.event_type.startsWith('notification.')) return;
  const { status, ...why } = loss;
  await appendEvent(tx, {
    type: `notification.${status}`,
    actor: 'system',
    subject: `notification:${row.id}`,
    data: {
      ...{ notificationId: row.id, channel: row.channel, eventType: row.event_type, attempts: row.attempt_count },
      ...why,
      ...(row.channel_id === null ? {} : { channelId: row.channel_id }),
      ...(row.member_id === null ? {} : { memberId: row.member_id }),
      ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    },
  });
}
