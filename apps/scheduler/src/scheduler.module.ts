import { Module } from '@nestjs/common';
import { AgentsModule } from './agents/agents.module.js';
import { CronModule } from './cron/cron.module.js';
import { RelayModule } from './relay.module.js';

@Module({
  imports: [AgentsModule, CronModule, RelayModule],
})
export class SchedulerModule {}
