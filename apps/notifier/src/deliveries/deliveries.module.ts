import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { AttemptRecorder } from './attempt-recorder.js';
import { DeadLetterBoard } from './dead-letter-board.js';
import { DeliveryCleaner } from './delivery-cleaner.js';
import { DeliveryProcessor } from './delivery.processor.js';
import { DeliveryService } from './delivery.service.js';
import { DeliveryStore } from './delivery.store.js';
import { DeliverySweeper } from './delivery-sweeper.js';
import { SweepStore } from './sweep.store.js';

@Module({
  imports: [ConfigModule, DatabaseModule, QueuesModule],
  providers: [
    DeliveryProcessor,
    DeliveryService,
    AttemptRecorder,
    DeliveryStore,
    SweepStore,
    DeliverySweeper,
    DeadLetterBoard,
    DeliveryCleaner,
  ],
})
export class DeliveriesModule {}
