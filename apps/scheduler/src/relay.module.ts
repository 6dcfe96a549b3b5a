import { Module } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { Relay } from '@houston/common/events/relay.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { EscalationModule } from './escalation/escalation.module.js';
import { EscalationRoute } from './escalation/escalation-route.js';
import { NotificationRoute } from './routing/notification-route.js';
import { RoutingModule } from './routing/routing.module.js';
import { WebhookRoute } from './routing/webhook-route.js';

/** Takes events to what follows from them: every route stands in this list. */
@Module({
  imports: [DatabaseModule, QueuesModule, EscalationModule, RoutingModule],
  providers: [
    {
      provide: Relay,
      inject: [Database, QueueProducer, WebhookRoute, NotificationRoute, EscalationRoute],
      useFactory: (
        database: Database,
        queues: QueueProducer,
        webhooks: WebhookRoute,
        notifications: NotificationRoute,
        escalation: EscalationRoute,
      ) => new Relay(database, queues, [webhooks, notifications, escalation]),
    },
  ],
})
export class RelayModule {}
