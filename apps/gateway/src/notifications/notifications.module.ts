import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ChannelsModule } from '../channels/channels.module.js';
import { MembersModule } from '../members/members.module.js';
import { InboxController } from './inbox.controller.js';
import { InboxService } from './inbox.service.js';
import { InboxStore } from './inbox.store.js';
import { NotificationController } from './notification.controller.js';
import { NotificationService } from './notification.service.js';
import { NotificationStore } from './notification.store.js';
import { PreferenceController } from './preference.controller.js';
import { PreferenceService } from './preference.service.js';
import { PreferenceStore } from './preference.store.js';
import { UnsubscribeController } from './unsubscribe.controller.js';
import { UnsubscribeService } from './unsubscribe.service.js';
import { WebhookNotificationStore } from './webhook-notification.store.js';

@Module({
  imports: [DatabaseModule, ChannelsModule, MembersModule],
  controllers: [NotificationController, InboxController, PreferenceController, UnsubscribeController],
  providers: [
    NotificationService,
    NotificationStore,
    WebhookNotificationStore,
    InboxService,
    InboxStore,
    PreferenceService,
    PreferenceStore,
    UnsubscribeService,
  ],
  exports: [NotificationStore, InboxStore],
})
export class NotificationsModule {}
