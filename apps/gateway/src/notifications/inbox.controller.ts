import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { InboxService } from './inbox.service.js';
import { InboxQuery } from './notification.dto.js';
import { InboxItemView, inboxItemView } from './notification.view.js';

@ApiTags('notifications')
@ApiBearerAuth()
@Controller('api/inbox')
export class InboxController {
  constructor(@Inject(InboxService) private readonly inbox: InboxService) {}

  @Get()
  @Can('inbox:use')
  @ApiOperation({
    summary: 'What the key’s member or agent was told, newest first',
    description: 'A key that belongs to neither has an empty inbox. What an agent has been shown counts as delivered.',
  })
  @ApiPage(InboxItemView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor, unread, archived }: InboxQuery,
  ): Promise<Page<InboxItemView>> {
    const isUnread = unread === 'true';
    const isArchived = archived === 'true';
    const owner = caller.memberId ?? caller.agentId;
    const binding = [caller.workspaceId, 'inbox', owner, isUnread, isArchived];
    const [afterId = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.inbox.list(caller, { isUnread, isArchived, afterId, limit });
    return pageOf(rows, limit, binding, (row) => [row.id], inboxItemView);
  }

  @Post(':id/read')
  @HttpCode(200)
  @Can('inbox:use')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Mark as read' })
  @ApiOkResponse({ type: InboxItemView })
  @Problems('not_found')
  async read(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<InboxItemView> {
    return inboxItemView(await this.inbox.mark(caller, id, 'read'));
  }

  @Post(':id/archive')
  @HttpCode(200)
  @Can('inbox:use')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Put away, as read', description: 'It is listed with `archived=true` from then on.' })
  @ApiOkResponse({ type: InboxItemView })
  @Problems('not_found')
  async archive(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<InboxItemView> {
    return inboxItemView(await this.inbox.mark(caller, id, 'archived'));
  }
}
