import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '@houston/common/db/database.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { NotificationsQuery } from './notification.dto.js';
import { NotificationStore } from './notification.store.js';
import { NotificationView, notificationView } from './notification.view.js';

@ApiTags('notifications')
@ApiBearerAuth()
@Controller('api/notifications')
export class NotificationController {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(NotificationStore) private readonly store: NotificationStore,
  ) {}

  @Get()
  @Can('notifications:read')
  @ApiOperation({
    summary: 'How notifications fare, newest first',
    description:
      'One for each recipient and channel; webhooks have their own under /api/webhooks/{id}/deliveries. What was given up ' +
      'is among the dead letters.',
  })
  @ApiPage(NotificationView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor, status, channel }: NotificationsQuery,
  ): Promise<Page<NotificationView>> {
    const binding = [caller.workspaceId, 'notifications', status, channel];
    const [afterId = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.db.inWorkspace(caller, (tx) => this.store.list(tx, { status, channel, afterId, limit }));
    return pageOf(rows, limit, binding, (row) => [row.id], notificationView);
  }
}
