import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import type { WakeupOf } from '@houston/common/queues/queues.js';
import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import { NotificationStore } from '../notifications/notification.store.js';
import type { NotificationAttemptView } from './dead-letter.view.js';

/** Brings notifications back from the dead letters: the same message under the same id, its attempts counted anew. */
@Injectable()
export class NotificationReplayService {
  constructor(@Inject(NotificationStore) private readonly store: NotificationStore) {}

  /** @throws Problem conflict when it is not to be sent */
  async lockForRestart(tx: Tx, id: string): Promise<void> {
    if (await this.store.lockGivenUp(tx, id)) return;
    throw new Problem('conflict', { detail: 'The notification is not given up, or exists no more.' });
  }

  /** In a transaction of others. @returns the wake-up to add after the commit */
  async restart(
    tx: Tx,
    { organizationId, workspaceId }: Caller,
    notificationId: string,
    delayMs: number,
  ): Promise<WakeupOf<'notifications'>> {
    const row = await this.store.restart(tx, notificationId, delayMs);
    const { attempt_count: attemptCount, channel, channel_id: channelId } = row;
    return notificationWakeup({
      ...{ organizationId, workspaceId, notificationId },
      ...{ channel, channelId, attemptCount, delayMs },
    });
  }

  async history(tx: Tx, id: string): Promise<NotificationAttemptView[]> {
    return (await this.store.attempts(tx, id)).map((row) => ({
      number: row.number,
      at: row.at.toISOString(),
      durationMs: row.duration_ms,
      status: row.status,
      errorClass: row.error_class,
      response: row.response,
    }));
  }
}
