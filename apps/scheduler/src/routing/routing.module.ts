import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { NotificationRoute } from './notification-route.js';
import { NotificationRouteStore } from './notification-route.store.js';
import { WebhookRoute } from './webhook-route.js';
import { WebhookRouteStore } from './webhook-route.store.js';

/** Who is told of what has happened. */
@Module({
  imports: [ConfigModule],
  providers: [WebhookRoute, WebhookRouteStore, NotificationRoute, NotificationRouteStore],
  exports: [WebhookRoute, NotificationRoute],
})
export class RoutingModule {}
