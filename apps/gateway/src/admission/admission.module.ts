import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { AdmissionService } from './admission.service.js';
import { AdmissionStore } from './admission.store.js';
import { PolicyStore } from './policy.store.js';
import { Pricer } from './pricer.js';

@Module({
  imports: [ConfigModule, DatabaseModule, AgentDirectoryModule, MetricsModule],
  providers: [AdmissionService, AdmissionStore, PolicyStore, Pricer],
  exports: [AdmissionService, PolicyStore, Pricer],
})
export class AdmissionModule {}
