import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { DeliveryController } from './delivery.controller.js';
import { DeliveryService } from './delivery.service.js';
import { DeliveryStore } from './delivery.store.js';
import { Wakeups } from './wakeups.js';
import { WebhookController } from './webhook.controller.js';
import { WebhookService } from './webhook.service.js';
import { WebhookStore } from './webhook.store.js';

@Module({
  imports: [ConfigModule, DatabaseModule, QueuesModule],
  controllers: [WebhookController, DeliveryController],
  providers: [WebhookService, DeliveryService, WebhookStore, DeliveryStore, Wakeups],
  exports: [DeliveryService, Wakeups],
})
export class WebhooksModule {}
