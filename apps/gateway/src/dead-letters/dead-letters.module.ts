import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { DeadLetterController } from './dead-letter.controller.js';
import { DeadLetterService } from './dead-letter.service.js';
import { DeadLetterStore } from './dead-letter.store.js';
import { NotificationReplayService } from './notification-replay.service.js';
import { ReplayService } from './replay.service.js';
import { TaskLetterStore } from './task-letter.store.js';
import { TaskReplayService } from './task-replay.service.js';

@Module({
  imports: [DatabaseModule, NotificationsModule, WebhooksModule],
  controllers: [DeadLetterController],
  providers: [
    DeadLetterService,
    DeadLetterStore,
    NotificationReplayService,
    ReplayService,
    TaskLetterStore,
    TaskReplayService,
  ],
})
export class DeadLettersModule {}
