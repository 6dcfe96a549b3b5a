import { Module } from '@nestjs/common';
import { ProcessBeatModule } from '@houston/common/telemetry/process-beat.js';
import { AgentSocketsModule } from './agent-sockets/agent-sockets.module.js';
import { ActivitiesModule } from './activities/activities.module.js';
import { AgentsModule } from './agents/agents.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { AuditModule } from './audit/audit.module.js';
import { BudgetsModule } from './budgets/budgets.module.js';
import { ChannelsModule } from './channels/channels.module.js';
import { CostsModule } from './costs/costs.module.js';
import { DeadLettersModule } from './dead-letters/dead-letters.module.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { EscalationsModule } from './escalations/escalations.module.js';
import { DocumentsModule } from './documents/documents.module.js';
import { EventsModule } from './events/events.module.js';
import { ExecutionsModule } from './executions/executions.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LiveModule } from './live/live.module.js';
import { ScrapeModule } from './metrics/scrape.module.js';
import { KeysModule } from './keys/keys.module.js';
import { MembersModule } from './members/members.module.js';
import { MessageTemplatesModule } from './message-templates/message-templates.module.js';
import { MessagesModule } from './messages/messages.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { OfficeModule } from './office/office.module.js';
import { PricesModule } from './prices/prices.module.js';
import { SlackModule } from './slack/slack.module.js';
import { TasksModule } from './tasks/tasks.module.js';
import { ReplayModule } from './replay/replay.module.js';
import { SchedulesModule } from './schedules/schedules.module.js';
import { ThreadsModule } from './threads/threads.module.js';
import { StandupsModule } from './standups/standups.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { WorkspacesModule } from './workspaces/workspaces.module.js';

@Module({
  imports: [
    ProcessBeatModule.of('gateway'),
    HttpModule,
    AgentSocketsModule,
    ActivitiesModule,
    AgentsModule,
    ApprovalsModule,
    AuditModule,
    BudgetsModule,
    ChannelsModule,
    CostsModule,
    DeadLettersModule,
    DashboardModule,
    EscalationsModule,
    DocumentsModule,
    EventsModule,
    ExecutionsModule,
    HealthModule,
    LiveModule,
    ScrapeModule,
    KeysModule,
    MembersModule,
    MessageTemplatesModule,
    MessagesModule,
    NotificationsModule,
    OfficeModule,
    PricesModule,
    SlackModule,
    TasksModule,
    ReplayModule,
    SchedulesModule,
    StandupsModule,
    ThreadsModule,
    WebhooksModule,
    WorkspacesModule,
  ],
})
export class GatewayModule {}
