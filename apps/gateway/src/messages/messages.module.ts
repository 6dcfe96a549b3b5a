import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { AuthorsModule } from '../authors/authors.module.js';
import { MessageTemplatesModule } from '../message-templates/message-templates.module.js';
import { AgentMessageController } from './agent-message.controller.js';
import { AgentMessageService } from './agent-message.service.js';
import { AgentMessageStore } from './agent-message.store.js';
import { LetterWriter } from './letter-writer.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule, AuthorsModule, MessageTemplatesModule],
  controllers: [AgentMessageController],
  providers: [AgentMessageService, AgentMessageStore, LetterWriter],
})
export class MessagesModule {}
