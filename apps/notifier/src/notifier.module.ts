import { Module } from '@nestjs/common';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';

@Module({
  imports: [QueuesModule.handling('webhook-deliveries', 'notifications'), DeliveriesModule, NotificationsModule],
})
export class NotifierModule {}
