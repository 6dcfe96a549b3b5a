import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ReplayController } from './replay.controller.js';
import { ReplayStore } from './replay.store.js';

/** Decisions, told again from what was kept of them. */
@Module({ imports: [DatabaseModule, AgentDirectoryModule], controllers: [ReplayController], providers: [ReplayStore] })
export class ReplayModule {}
