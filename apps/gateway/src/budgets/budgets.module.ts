import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { BudgetController } from './budget.controller.js';
import { BudgetService } from './budget.service.js';
import { BudgetStore } from './budget.store.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule],
  controllers: [BudgetController],
  providers: [BudgetService, BudgetStore],
})
export class BudgetsModule {}
