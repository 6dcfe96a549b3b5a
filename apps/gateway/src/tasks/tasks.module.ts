import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AdmissionModule } from '../admission/admission.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ExecutionsModule } from '../executions/executions.module.js';
import { SignalsModule } from '../signals/signals.module.js';
import { ClaimService } from './claim.service.js';
import { LateUse } from './late-use.js';
import { LeaseActs } from './lease-acts.js';
import { LeaseStore } from './lease.store.js';
import { SloController } from './slo.controller.js';
import { TaskController } from './task.controller.js';
import { TaskService } from './task.service.js';
import { TaskStore } from './task.store.js';
import { TransitionService } from './transition.service.js';
import { WaitingClaims } from './waiting-claims.js';
import { WhyController } from './why.controller.js';
import { WhyService } from './why.service.js';
import { WorkController } from './work.controller.js';
import { WorkService } from './work.service.js';
import { WorkStore } from './work.store.js';

@Module({
  imports: [SignalsModule, DatabaseModule, AgentDirectoryModule, AdmissionModule, ExecutionsModule],
  controllers: [TaskController, SloController, WhyController, WorkController],
  providers: [
    TaskStore,
    TaskService,
    TransitionService,
    WhyService,
    WorkStore,
    WorkService,
    LateUse,
    LeaseStore,
    LeaseActs,
    ClaimService,
    WaitingClaims,
  ],
  exports: [ClaimService, WorkService],
})
export class TasksModule {}
