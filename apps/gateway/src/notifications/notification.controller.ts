import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { NotificationsQuery } from './notification.dto.js';
import { NotificationService } from './notification.service.js';
import { NotificationView } from './notification.view.js';

@ApiTags('notifications')
@ApiBearerAuth()
@Controller('api/notifications')
export class NotificationController {
  constructor(@Inject(NotificationService) private readonly notifications: NotificationService) {}

  @Get()
  @Can('notifications:read')
  @ApiOperation({
    summary: 'How notifications fare, newest first',
    description:
      'One for each recipient and channel, the deliveries to webhooks among them (each attempt of those under ' +
      '/api/webhooks/{id}/deliveries). What was given up is among the dead letters.',
  })
  @ApiPage(NotificationView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor, status, channel }: NotificationsQuery,
  ): Promise<Page<NotificationView>> {
    const binding = [caller.workspaceId, 'notifications', status, channel];
    const [afterId = null] = readCursor(cursor, binding, 1) ?? [];
    const views = await this.notifications.list(caller, { status, channel, afterId, limit });
    return pageOf(
      views,
      limit,
      binding,
      (view) => [view.id],
      (view) => view,
    );
  }
}
