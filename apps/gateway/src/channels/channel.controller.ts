import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiBody,
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateChannelDto, UpdateChannelDto } from './channel.dto.js';
import type { ChannelRow } from './channel.row.js';
import { ChannelService } from './channel.service.js';
import { channelView, ChannelView } from './channel.view.js';

@ApiTags('channels')
@ApiBearerAuth()
@Controller('api/channels')
export class ChannelController {
  constructor(@Inject(ChannelService) private readonly channels: ChannelService) {}

  @Post()
  @Can('channels:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateChannelDto,
    examples: {
      slack: {
        summary: 'Into a channel of Slack',
        value: {
          name: 'ops',
          kind: 'slack',
          url: 'https://hooks.slack.com/services/T000/B000/XXXX',
          events: ['budget.*', 'execution.denied'],
        },
      },
      email: {
        summary: 'To an address',
        value: { name: 'ops by mail', kind: 'email', to: 'ops@example.com', events: ['standup.*'] },
      },
    },
  })
  @ApiOperation({
    summary: 'Tell a Slack channel or a mailbox of events',
    description: 'Of those that `events` selects; Slack also of what is sent there by name, such as an approval.',
  })
  @ApiCreatedResponse({ type: ChannelView })
  @Problems('already_exists', 'conflict')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateChannelDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChannelView> {
    return answer(await this.channels.create(caller, body, id), reply);
  }

  @Get()
  @Can('channels:read')
  @ApiOperation({ summary: 'List channels in order of creation' })
  @ApiPage(ChannelView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor }: PageQuery): Promise<Page<ChannelView>> {
    const binding = [caller.workspaceId, 'channels'];
    const rows = await this.channels.list(caller, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], channelView);
  }

  @Get(':id')
  @Can('channels:read')
  @ApiOperation({ summary: 'A channel' })
  @ApiOkResponse({ type: ChannelView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChannelView> {
    return answer(await this.channels.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('channels:write')
  @ApiOperation({ summary: 'Change name, address, events or secret; disable or enable' })
  @ApiOkResponse({ type: ChannelView })
  @Problems('not_found', 'already_exists', 'precondition_failed')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateChannelDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChannelView> {
    return answer(await this.channels.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('channels:write')
  @ApiOperation({ summary: 'Delete a channel', description: 'With its notifications and their dead letters.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.channels.remove(caller, id, ifMatch);
  }
}

function answer(row: ChannelRow, reply: FastifyReply): ChannelView {
  void reply.header('etag', etagOf(row.version));
  return channelView(row);
}
