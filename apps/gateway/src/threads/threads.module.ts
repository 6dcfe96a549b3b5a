import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { AuthorsModule } from '../authors/authors.module.js';
import { DocumentsModule } from '../documents/documents.module.js';
import { SubscriptionService } from './subscription.service.js';
import { SubscriptionStore } from './subscription.store.js';
import { ThreadController } from './thread.controller.js';
import { ThreadService } from './thread.service.js';
import { ThreadStore } from './thread.store.js';
import { TimelineController } from './timeline.controller.js';
import { TimelineStore } from './timeline.store.js';

/** What is said about tasks, who is told of it, and everything that happened to a task. */
@Module({
  imports: [DatabaseModule, AgentDirectoryModule, AuthorsModule, DocumentsModule],
  controllers: [ThreadController, TimelineController],
  providers: [ThreadService, ThreadStore, SubscriptionService, SubscriptionStore, TimelineStore],
})
export class ThreadsModule {}
