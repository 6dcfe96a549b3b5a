import { Module } from '@nestjs/common';
import { AgentsModule } from './agents/agents.module.js';
import { RelayModule } from './relay.module.js';

@Module({
  imports: [AgentsModule, RelayModule],
})
export class SchedulerModule {}
