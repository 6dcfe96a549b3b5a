import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { ScheduleController } from './schedule.controller.js';
import { ScheduleService } from './schedule.service.js';
import { ScheduleStore } from './schedule.store.js';

@Module({
  imports: [DatabaseModule, AgentDirectoryModule],
  controllers: [ScheduleController],
  providers: [ScheduleService, ScheduleStore],
})
export class SchedulesModule {}
