import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import type { Caller } from '../http/caller.js';
import { type NotificationFilter, NotificationStore } from './notification.store.js';
import { notificationView, type NotificationView, webhookNotificationView } from './notification.view.js';
import { WebhookNotificationStore } from './webhook-notification.store.js';

/** How everything fares that is on its way to somebody. */
@Injectable()
export class NotificationService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(NotificationStore) private readonly store: NotificationStore,
    @Inject(WebhookNotificationStore) private readonly webhooks: WebhookNotificationStore,
  ) {}

  /** Newest first, by their ids; one more than `limit`, when there are more. */
  list(caller: Caller, filter: NotificationFilter): Promise<NotificationView[]> {
    const { channel, limit } = filter;
    return this.db.inWorkspace(caller, async (tx) => {
      const own = channel === 'webhook' ? [] : await this.store.list(tx, filter);
      const ofWebhooks = channel === undefined || channel === 'webhook' ? await this.webhooks.list(tx, filter) : [];
      return [...own.map(notificationView), ...ofWebhooks.map(webhookNotificationView)]
        .sort((one, other) => (one.id < other.id ? 1 : -1))
        .slice(0, limit + 1);
    });
  }
}
