import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { SubscriptionService } from './subscription.service.js';
import { PostMessageDto, SubscriberDto } from './thread.dto.js';
import { ThreadService } from './thread.service.js';
import { subscriptionView, SubscriptionView, taskMessageView, TaskMessageView } from './thread.view.js';

@ApiTags('threads')
@ApiBearerAuth()
@Controller('api/tasks/:id')
export class ThreadController {
  constructor(
    @Inject(ThreadService) private readonly threads: ThreadService,
    @Inject(SubscriptionService) private readonly subscriptions: SubscriptionService,
  ) {}

  @Post('messages')
  @Can('messages:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Say something about a task',
    description:
      'Whoever follows the task is told once, the author never. Posting and being mentioned makes one follow it, unless ' +
      'the workspace has switched `features.autoSubscribe` off.',
  })
  @ApiCreatedResponse({ type: TaskMessageView })
  @Problems('not_found')
  async post(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: PostMessageDto,
    @NewId() creation: CreationId,
  ): Promise<TaskMessageView> {
    return taskMessageView(await this.threads.post(caller, id, body, creation));
  }

  @Get('messages')
  @Can('messages:read')
  @ApiOperation({ summary: 'What was said about a task, oldest first' })
  @ApiPage(TaskMessageView)
  @Problems('not_found')
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<TaskMessageView>> {
    const binding = [caller.workspaceId, 'thread', id];
    const rows = await this.threads.list(caller, id, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], taskMessageView);
  }

  @Get('subscriptions')
  @Can('tasks:read')
  @ApiOperation({ summary: 'Who follows a task' })
  @ApiOkResponse({ description: '`{items}`, in the order in which they came', type: [SubscriptionView] })
  @Problems('not_found')
  async followers(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
  ): Promise<{ items: SubscriptionView[]; nextCursor: null }> {
    return { items: (await this.subscriptions.list(caller, id)).map(subscriptionView), nextCursor: null };
  }

  @Post('subscription')
  @Can('tasks:follow')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Follow a task',
    description:
      "The key's own agent or member does; owners, admins and members may name somebody else. Doing it twice is harmless.",
  })
  @ApiBody({
    type: SubscriberDto,
    required: false,
    examples: { oneself: { summary: 'Oneself', value: {} }, agent: { value: { agent: 'researcher' } } },
  })
  @ApiCreatedResponse({ type: SubscriptionView })
  @Problems('not_found')
  async follow(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: SubscriberDto,
  ): Promise<SubscriptionView> {
    return subscriptionView(await this.subscriptions.follow(caller, id, body));
  }

  @Delete('subscription')
  @HttpCode(204)
  @Can('tasks:follow')
  @ApiOperation({
    summary: 'Follow a task no longer',
    description: 'As for following, in the body or in the query; posting or being mentioned makes one follow it again.',
  })
  @ApiBody({ type: SubscriberDto, required: false })
  @ApiNoContentResponse()
  @Problems('not_found')
  leave(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() query: SubscriberDto,
    @Body() body: SubscriberDto,
  ): Promise<void> {
    const named = { agent: query.agent ?? body.agent, member: query.member ?? body.member };
    return this.subscriptions.leave(caller, id, named);
  }
}
