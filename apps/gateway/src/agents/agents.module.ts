import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentController } from './agent.controller.js';
import { AgentService } from './agent.service.js';
import { AgentStore } from './agent.store.js';

@Module({ imports: [DatabaseModule], controllers: [AgentController], providers: [AgentService, AgentStore] })
export class AgentsModule {}
