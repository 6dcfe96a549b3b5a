import { Module } from '@nestjs/common';
import { AdmissionModule } from '../admission/admission.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ApproversModule } from '../approvals/approvers.module.js';
import { ExecutionController } from './execution.controller.js';
import { ExecutionService } from './execution.service.js';
import { ExecutionStore } from './execution.store.js';
import { RecordService } from './record.service.js';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';

@Module({
  imports: [ConfigModule, DatabaseModule, AdmissionModule, AgentDirectoryModule, ApproversModule],
  controllers: [ExecutionController],
  providers: [ExecutionService, ExecutionStore, RecordService],
  exports: [ExecutionService, ExecutionStore],
})
export class ExecutionsModule {}
