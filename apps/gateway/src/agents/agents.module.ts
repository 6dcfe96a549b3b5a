import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentController } from './agent.controller.js';
import { AgentService } from './agent.service.js';
import { AgentStore } from './agent.store.js';
import { AgentWorkController } from './agent-work.controller.js';
import { AgentWorkService } from './agent-work.service.js';
import { AgentWorkStore } from './agent-work.store.js';

@Module({
  imports: [DatabaseModule],
  controllers: [AgentController, AgentWorkController],
  providers: [AgentService, AgentStore, AgentWorkService, AgentWorkStore],
})
export class AgentsModule {}
