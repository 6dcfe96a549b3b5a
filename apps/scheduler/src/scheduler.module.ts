import { Module } from '@nestjs/common';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { AgentsModule } from './agents/agents.module.js';
import { CronModule } from './cron/cron.module.js';
import { DeadlinesModule } from './deadlines/deadlines.module.js';
import { DueTimesModule } from './due-times/due-times.module.js';
import { EscalationModule } from './escalation/escalation.module.js';
import { InboxCountsModule } from './inbox-counts/inbox-counts.module.js';
import { LeasesModule } from './leases/leases.module.js';
import { RelayModule } from './relay.module.js';
import { RetriesModule } from './retries/retries.module.js';

@Module({
  imports: [
    QueuesModule.handling('due-times'),
    AgentsModule,
    CronModule,
    DeadlinesModule,
    DueTimesModule,
    EscalationModule,
    InboxCountsModule,
    LeasesModule,
    RelayModule,
    RetriesModule,
  ],
})
export class SchedulerModule {}
