import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { SlackController } from './slack.controller.js';
import { SlackService } from './slack.service.js';
import { SlackStore } from './slack.store.js';

@Module({
  imports: [ConfigModule, DatabaseModule, ApprovalsModule, NotificationsModule, WebhooksModule],
  controllers: [SlackController],
  providers: [SlackService, SlackStore],
})
export class SlackModule {}
