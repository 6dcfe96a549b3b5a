import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { SignalsModule } from '../signals/signals.module.js';
import { ApprovalController } from './approval.controller.js';
import { ApprovalMetricsStore } from './approval-metrics.store.js';
import { ApprovalService } from './approval.service.js';
import { ApprovalStore } from './approval.store.js';
import { ApproversModule } from './approvers.module.js';
import { Assignees } from './assignees.js';
import { BudgetGrants } from './budget-grants.js';
import { BudgetGrantStore } from './budget-grant.store.js';
import { BudgetRequestController } from './budget-request.controller.js';
import { BudgetRequestService } from './budget-request.service.js';
import { DecisionController } from './decision.controller.js';
import { DecisionService } from './decision.service.js';
import { KeyOriginStore } from './key-origin.store.js';
import { WaitingApprovals } from './waiting-approvals.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule, ApproversModule, SignalsModule],
  controllers: [DecisionController, ApprovalController, BudgetRequestController],
  providers: [
    ApprovalMetricsStore,
    ApprovalService,
    ApprovalStore,
    Assignees,
    BudgetGrants,
    BudgetGrantStore,
    BudgetRequestService,
    DecisionService,
    KeyOriginStore,
    WaitingApprovals,
  ],
  exports: [ApprovalService, DecisionService],
})
export class ApprovalsModule {}
