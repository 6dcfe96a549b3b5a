import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { AcknowledgeDto, BatchReadDto, MessagesQuery, SendMessageDto } from './agent-message.dto.js';
import { AgentMessageService } from './agent-message.service.js';
import { agentMessageView, AgentMessageView, BatchReadView } from './agent-message.view.js';

const EXAMPLES = {
  request: {
    summary: 'A request that must be acknowledged within ten minutes',
    value: { type: 'request', priority: 'high', body: 'Please check the totals.', ackWithinSeconds: 600 },
  },
  template: { summary: 'From a template', value: { template: 'handover', variables: { report: 'Q3' } } },
};

@ApiTags('messages')
@ApiBearerAuth()
@Controller('api/agents')
export class AgentMessageController {
  constructor(@Inject(AgentMessageService) private readonly messages: AgentMessageService) {}

  @Post('messages/batch-read')
  @HttpCode(200)
  @Can('messages:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Mark messages as read',
    description: "An agent's key marks those of its agent; owners and admins any.",
  })
  @ApiOkResponse({ type: BatchReadView })
  @Problems()
  batchRead(@CurrentCaller() caller: Caller, @Body() { ids }: BatchReadDto): Promise<BatchReadView> {
    return this.messages.read(caller, ids);
  }

  @Post(':id/messages')
  @Can('messages:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Send an agent a message',
    description:
      'To the agent of this name or id; the sender is whoever the key belongs to. An agent sends at most as many in 60 s ' +
      'as the workspace allows (`settings.messages.perMinute`, 10 unless set).',
  })
  @ApiBody({ type: SendMessageDto, examples: EXAMPLES })
  @ApiCreatedResponse({ type: AgentMessageView })
  @Problems('not_found', 'rate_limited')
  async send(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: SendMessageDto,
    @NewId() creation: CreationId,
  ): Promise<AgentMessageView> {
    return agentMessageView(await this.messages.send(caller, id, body, creation));
  }

  @Get(':id/messages')
  @Can('messages:read')
  @ApiOperation({
    summary: 'What an agent was sent, newest first',
    description: 'By name or id. Open to everybody who may read in the workspace: there is no side channel.',
  })
  @ApiPage(AgentMessageView)
  @Problems('not_found')
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: MessagesQuery,
  ): Promise<Page<AgentMessageView>> {
    const { limit, cursor, ...filter } = query;
    const binding = [caller.workspaceId, 'agent messages', id, filter];
    const rows = await this.messages.list(caller, id, {
      ...filter,
      unread: truth(filter.unread),
      unacknowledged: truth(filter.unacknowledged),
      after: readCursor(cursor, binding, 2),
      limit,
    });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], agentMessageView);
  }

  @Post(':id/messages/:messageId/acknowledge')
  @HttpCode(200)
  @Can('messages:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Acknowledge a message',
    description:
      'By the agent it was sent to, or an owner or admin. The first word counts; repeating it is harmless. A response is ' +
      'passed on to the sender.',
  })
  @ApiOkResponse({ type: AgentMessageView })
  @Problems('not_found', 'conflict')
  async acknowledge(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('messageId', idParam) messageId: string,
    @Body() { response }: AcknowledgeDto,
  ): Promise<AgentMessageView> {
    return agentMessageView(await this.messages.acknowledge(caller, id, messageId, response));
  }
}

function truth(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true' || text === '1';
}
