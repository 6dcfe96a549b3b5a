import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type DuePage, Sweeper } from '@houston/common/duties/sweeper.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { type DueNotificationRow, NotificationSweepStore } from './notification-sweep.store.js';

const PAGE_SIZE = 500;
/** The earliest due come first; what lies beyond is found when these are through. */
const MAX_PAGES = 10;

/** Finds notifications that are due and being sent by nobody: their wake-up was never added, or was lost. */
@Injectable()
export class NotificationSweeper extends Sweeper {
  readonly name = 'notification-sweeper';
  override readonly interval = { busyMs: 5_000, idleMs: 5_000 };

  constructor(
    @Inject(Database) database: Database,
    @Inject(QueueProducer) producer: QueueProducer,
    @Inject(NotificationSweepStore) private readonly store: NotificationSweepStore,
  ) {
    super(database, producer);
  }

  /** @param after number of the page, and where it begins */
  protected async due(tx: Tx, after: string | null): Promise<DuePage> {
    const [page = '0', ...key] = after?.split(' ') ?? [];
    const rows = await this.store.due(tx, after === null ? null : key.join(' '), PAGE_SIZE);
    const wakeups = rows.map((row) =>
      notificationWakeup({ organizationId: tx.organizationId, ...dueNotification(row) }),
    );
    const last = rows.at(-1);
    const isLast = last === undefined || rows.length < PAGE_SIZE || Number(page) + 1 >= MAX_PAGES;
    return { wakeups, next: isLast ? null : `${Number(page) + 1} ${last.key}` };
  }
}

function dueNotification(row: DueNotificationRow) {
  const { id: notificationId, workspace_id: workspaceId, channel, channel_id: channelId } = row;
  return { notificationId, workspaceId, channel, channelId, attemptCount: row.attempt_count, isLate: row.is_late };
}
