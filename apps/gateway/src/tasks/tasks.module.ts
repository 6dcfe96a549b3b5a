import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AdmissionModule } from '../admission/admission.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ExecutionsModule } from '../executions/executions.module.js';
import { ClaimService } from './claim.service.js';
import { TaskController } from './task.controller.js';
import { TaskReadySignal } from './task-ready-signal.js';
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
  imports: [ConfigModule, DatabaseModule, AgentDirectoryModule, AdmissionModule, ExecutionsModule],
  controllers: [TaskController, WhyController, WorkController],
  providers: [
    TaskStore,
    TaskService,
    TransitionService,
    WhyService,
    WorkStore,
    WorkService,
    ClaimService,
    WaitingClaims,
    TaskReadySignal,
  ],
})
export class TasksModule {}
