import { Module } from '@nestjs/common';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { DeliveriesModule } from './deliveries/deliveries.module.js';

@Module({
  imports: [QueuesModule.handling('webhook-deliveries'), DeliveriesModule],
})
export class NotifierModule {}
