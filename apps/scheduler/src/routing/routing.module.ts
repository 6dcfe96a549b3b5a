import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { DeliveryWriter } from './delivery-writer.js';
import { FanOutDuty } from './fan-out.js';
import { FanOutStore } from './fan-out.store.js';
import { NotificationRoute } from './notification-route.js';
import { NotificationRouteStore } from './notification-route.store.js';
import { WebhookRoute } from './webhook-route.js';
import { WebhookRouteStore } from './webhook-route.store.js';

/** Who is told of what has happened. */
@Module({
  imports: [ConfigModule, DatabaseModule, QueuesModule],
  providers: [
    WebhookRoute,
    WebhookRouteStore,
    DeliveryWriter,
    FanOutDuty,
    FanOutStore,
    NotificationRoute,
    NotificationRouteStore,
  ],
  exports: [WebhookRoute, NotificationRoute],
})
export class RoutingModule {}
