import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CostController } from './cost.controller.js';
import { CostService } from './cost.service.js';
import { CostStore } from './cost.store.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule],
  controllers: [CostController],
  providers: [CostService, CostStore],
})
export class CostsModule {}
