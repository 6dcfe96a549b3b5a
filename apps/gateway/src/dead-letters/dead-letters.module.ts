import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { DeadLetterController } from './dead-letter.controller.js';
import { DeadLetterService } from './dead-letter.service.js';
import { DeadLetterStore } from './dead-letter.store.js';

@Module({
  imports: [DatabaseModule, WebhooksModule],
  controllers: [DeadLetterController],
  providers: [DeadLetterService, DeadLetterStore],
})
export class DeadLettersModule {}
