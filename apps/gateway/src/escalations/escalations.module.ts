import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { CheckService } from './check.service.js';
import { DryRunService } from './dry-run.service.js';
import { DryRunStore } from './dry-run.store.js';
import { EscalationController } from './escalation.controller.js';
import { EscalationService } from './escalation.service.js';
import { EscalationStore } from './escalation.store.js';
import { RuleController } from './rule.controller.js';
import { RuleService } from './rule.service.js';
import { RuleStore } from './rule.store.js';

/** Rules about work that waits too long, and what came of them. */
@Module({
  imports: [DatabaseModule, AgentDirectoryModule],
  controllers: [RuleController, EscalationController],
  providers: [RuleStore, RuleService, CheckService, DryRunStore, DryRunService, EscalationStore, EscalationService],
})
export class EscalationsModule {}
