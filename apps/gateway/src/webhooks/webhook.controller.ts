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
import { AnswersWithSecret } from '../http/sealed-answer.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateWebhookDto, UpdateWebhookDto } from './webhook.dto.js';
import type { WebhookRow } from './webhook.row.js';
import { WebhookService } from './webhook.service.js';
import { CreatedWebhookView, SecretView, TestView, webhookView, WebhookView } from './webhook.view.js';

@ApiTags('webhooks')
@ApiBearerAuth()
@Controller('api/webhooks')
export class WebhookController {
  constructor(@Inject(WebhookService) private readonly webhooks: WebhookService) {}

  @Post()
  @AnswersWithSecret()
  @Can('webhooks:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Send events to an address',
    description:
      'Signed as Standard Webhooks 1.0; the secret is shown this once. Also events of the whole organization are sent.',
  })
  @ApiCreatedResponse({ type: CreatedWebhookView })
  @Problems('conflict')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateWebhookDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreatedWebhookView> {
    const { row, secret } = await this.webhooks.create(caller, body, id);
    return { ...answer(row, reply), secret };
  }

  @Get()
  @Can('webhooks:read')
  @ApiOperation({ summary: 'List webhooks in order of creation' })
  @ApiPage(WebhookView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor }: PageQuery): Promise<Page<WebhookView>> {
    const binding = [caller.workspaceId, 'webhooks'];
    const rows = await this.webhooks.list(caller, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], webhookView);
  }

  @Get(':id')
  @Can('webhooks:read')
  @ApiOperation({ summary: 'A webhook and how its deliveries fare' })
  @ApiOkResponse({ type: WebhookView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookView> {
    return answer(await this.webhooks.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('webhooks:write')
  @ApiOperation({ summary: 'Change address, events or description; disable or enable' })
  @ApiOkResponse({ type: WebhookView })
  @Problems('not_found', 'precondition_failed')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateWebhookDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookView> {
    return answer(await this.webhooks.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('webhooks:write')
  @ApiOperation({ summary: 'Delete a webhook', description: 'With its deliveries and their dead letters.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.webhooks.remove(caller, id, ifMatch);
  }

  @Post(':id/rotate-secret')
  @AnswersWithSecret()
  @HttpCode(200)
  @Can('webhooks:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Get a new secret',
    description: 'For 24 hours each message carries the signatures of the old secret and of the new one.',
  })
  @ApiOkResponse({ type: SecretView })
  @Problems('not_found')
  async rotateSecret(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<SecretView> {
    return { secret: await this.webhooks.rotateSecret(caller, id) };
  }

  @Post(':id/test')
  @HttpCode(200)
  @Can('webhooks:write')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Send a `webhook.test` event to this webhook alone' })
  @ApiOkResponse({ type: TestView })
  @Problems('not_found', 'conflict')
  async test(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<TestView> {
    return { deliveryId: await this.webhooks.test(caller, id) };
  }
}

function answer(row: WebhookRow, reply: FastifyReply): WebhookView {
  void reply.header('etag', etagOf(row.version));
  return webhookView(row);
}
