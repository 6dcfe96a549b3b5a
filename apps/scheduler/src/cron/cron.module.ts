import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ScheduleStore } from './schedule.store.js';
import { ScheduleTicker } from './schedule-ticker.js';
import { StandupRunStore } from './standup-run.store.js';
import { StandupRuns } from './standup-runs.js';
import { TickCleaner } from './tick-cleaner.js';

/** What happens again and again. */
@Module({
  imports: [DatabaseModule],
  providers: [ScheduleStore, ScheduleTicker, StandupRunStore, StandupRuns, TickCleaner],
})
export class CronModule {}
