import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { WebhookRoute } from './webhook-route.js';
import { WebhookRouteStore } from './webhook-route.store.js';

/** Who is told of what has happened. */
@Module({
  imports: [ConfigModule],
  providers: [WebhookRoute, WebhookRouteStore],
  exports: [WebhookRoute],
})
export class RoutingModule {}
