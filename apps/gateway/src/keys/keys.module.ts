import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { MemberStore } from '../members/member.store.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { KeyController } from './key.controller.js';
import { KeyService } from './key.service.js';
import { KeyStore } from './key.store.js';
import { MeController } from './me.controller.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule, WorkspacesModule],
  controllers: [KeyController, MeController],
  providers: [KeyService, KeyStore, MemberStore],
})
export class KeysModule {}
