import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { DeadlinesModule } from '../deadlines/deadlines.module.js';
import { EscalationModule } from '../escalation/escalation.module.js';
import { DueTimesPlanner } from './due-times-planner.js';
import { DueTimesProcessor } from './due-times.processor.js';

/** Being there at the moment at which something is due. */
@Module({
  imports: [DatabaseModule, QueuesModule, DeadlinesModule, EscalationModule],
  providers: [DueTimesPlanner, DueTimesProcessor],
})
export class DueTimesModule {}
