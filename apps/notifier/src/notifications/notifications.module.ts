import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { NotificationCleaner } from './notification-cleaner.js';
import { NotificationProcessor } from './notification.processor.js';
import { NotificationService } from './notification.service.js';
import { NotificationStore } from './notification.store.js';
import { NotificationSweepStore } from './notification-sweep.store.js';
import { NotificationSweeper } from './notification-sweeper.js';
import { OutcomeRecorder } from './outcome-recorder.js';

@Module({
  imports: [ConfigModule, DatabaseModule, QueuesModule],
  providers: [
    NotificationProcessor,
    NotificationService,
    OutcomeRecorder,
    NotificationStore,
    NotificationSweepStore,
    NotificationSweeper,
    NotificationCleaner,
  ],
})
export class NotificationsModule {}
