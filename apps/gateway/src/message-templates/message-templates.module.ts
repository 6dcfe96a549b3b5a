import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { MessageTemplateController } from './message-template.controller.js';
import { MessageTemplateService } from './message-template.service.js';
import { MessageTemplateStore } from './message-template.store.js';

@Module({
  imports: [DatabaseModule],
  controllers: [MessageTemplateController],
  providers: [MessageTemplateService, MessageTemplateStore],
  exports: [MessageTemplateStore],
})
export class MessageTemplatesModule {}
