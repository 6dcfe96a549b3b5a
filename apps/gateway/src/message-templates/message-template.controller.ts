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
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { CreateMessageTemplateDto, UpdateMessageTemplateDto } from './message-template.dto.js';
import type { MessageTemplateRow } from './message-template.row.js';
import { MessageTemplateService } from './message-template.service.js';
import { messageTemplateView, MessageTemplateView } from './message-template.view.js';

@ApiTags('messages')
@ApiBearerAuth()
@Controller('api/message-templates')
export class MessageTemplateController {
  constructor(@Inject(MessageTemplateService) private readonly templates: MessageTemplateService) {}

  @Post()
  @Can('message-templates:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateMessageTemplateDto,
    examples: {
      handover: {
        value: {
          name: 'handover',
          type: 'handoff',
          priority: 'high',
          subject: 'Handover of {{report}}',
          body: 'The report {{report}} is yours now.',
          requiresAck: true,
          ackWithinSeconds: 300,
        },
      },
    },
  })
  @ApiOperation({
    summary: 'Keep a message to send again and again',
    description: 'With `{{placeholders}}`, for which every message made from it must give a text.',
  })
  @ApiCreatedResponse({ type: MessageTemplateView })
  @Problems('already_exists')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateMessageTemplateDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MessageTemplateView> {
    return answer(await this.templates.create(caller, body, id), reply);
  }

  @Get()
  @Can('messages:read')
  @ApiOperation({ summary: 'Templates in order of their names' })
  @ApiPage(MessageTemplateView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<MessageTemplateView>> {
    const binding = [caller.workspaceId, 'message templates'];
    const [after = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.templates.list(caller, after, limit);
    return pageOf(rows, limit, binding, (row) => [row.name], messageTemplateView);
  }

  @Get(':id')
  @Can('messages:read')
  @ApiOperation({ summary: 'One template' })
  @ApiOkResponse({ type: MessageTemplateView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MessageTemplateView> {
    return answer(await this.templates.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('message-templates:write')
  @ApiBody({
    type: UpdateMessageTemplateDto,
    examples: { subject: { value: { subject: '{{report}} is yours', ackWithinSeconds: null } } },
  })
  @ApiOperation({ summary: 'Change a template', description: 'What is named changes, null clears.' })
  @ApiOkResponse({ type: MessageTemplateView })
  @Problems('not_found', 'precondition_failed', 'already_exists')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateMessageTemplateDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MessageTemplateView> {
    return answer(await this.templates.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('message-templates:write')
  @ApiOperation({ summary: 'Delete a template', description: 'Messages made from it stay.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.templates.remove(caller, id, ifMatch);
  }
}

function answer(row: MessageTemplateRow, reply: FastifyReply): MessageTemplateView {
  void reply.header('etag', etagOf(row.version));
  return messageTemplateView(row);
}
