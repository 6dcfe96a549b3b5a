import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { DeliveryService } from './delivery.service.js';
import { DeliveryDetailView, DeliveryView } from './delivery.view.js';
import { DeliveriesQuery } from './webhook.dto.js';

@ApiTags('webhooks')
@ApiBearerAuth()
@Controller('api/webhooks/:id/deliveries')
export class DeliveryController {
  constructor(@Inject(DeliveryService) private readonly deliveries: DeliveryService) {}

  @Get()
  @Can('webhooks:read')
  @ApiOperation({ summary: 'What was sent to a webhook, newest first', description: 'Kept for 30 days.' })
  @ApiPage(DeliveryView)
  @Problems('not_found')
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { limit, cursor, status }: DeliveriesQuery,
  ): Promise<Page<DeliveryView>> {
    const binding = [caller.workspaceId, 'deliveries', id, status];
    const [afterId = null] = readCursor(cursor, binding, 1) ?? [];
    const found = await this.deliveries.list(caller, id, { status, afterId, limit });
    return pageOf(
      found,
      limit,
      binding,
      (view) => [view.id],
      (view) => view,
    );
  }

  @Get(':deliveryId')
  @Can('webhooks:read')
  @ApiOperation({ summary: 'A delivery, with what was sent and what was answered' })
  @ApiOkResponse({ type: DeliveryDetailView })
  @Problems('not_found')
  get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Param('deliveryId', idParam) deliveryId: string,
  ): Promise<DeliveryDetailView> {
    return this.deliveries.find(caller, id, deliveryId);
  }

  @Post(':deliveryId/redeliver')
  @HttpCode(200)
  @Can('webhooks:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Send it once more, now',
    description:
      'The same bytes under the same `webhook-id`, also when it was delivered. Beside the schedule, and costs nothing of it.',
  })
  @ApiOkResponse({ type: DeliveryDetailView })
  @Problems('not_found', 'conflict')
  redeliver(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Param('deliveryId', idParam) deliveryId: string,
  ): Promise<DeliveryDetailView> {
    return this.deliveries.redeliver(caller, id, deliveryId);
  }
}
