import { Module } from '@nestjs/common';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { AcknowledgementsModule } from './acknowledgements/acknowledgements.module.js';
import { AgentsModule } from './agents/agents.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { CronModule } from './cron/cron.module.js';
import { DeadlinesModule } from './deadlines/deadlines.module.js';
import { DueTimesModule } from './due-times/due-times.module.js';
import { EscalationModule } from './escalation/escalation.module.js';
import { InboxCountsModule } from './inbox-counts/inbox-counts.module.js';
import { LeasesModule } from './leases/leases.module.js';
import { RelayModule } from './relay.module.js';
import { RetriesModule } from './retries/retries.module.js';
import { StandupsModule } from './standups/standups.module.js';

@Module({
  imports: [
    QueuesModule.handling('due-times'),
    AcknowledgementsModule,
    AgentsModule,
    ApprovalsModule,
    CronModule,
    DeadlinesModule,
    DueTimesModule,
    EscalationModule,
    InboxCountsModule,
    LeasesModule,
    RelayModule,
    RetriesModule,
    StandupsModule,
  ],
})
export class SchedulerModule {}
