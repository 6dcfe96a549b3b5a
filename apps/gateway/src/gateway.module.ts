import { Module } from '@nestjs/common';
import { ProcessBeatModule } from '@houston/common/telemetry/process-beat.js';
import { AuditModule } from './audit/audit.module.js';
import { BudgetsModule } from './budgets/budgets.module.js';
import { CostsModule } from './costs/costs.module.js';
import { EventsModule } from './events/events.module.js';
import { ExecutionsModule } from './executions/executions.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LiveModule } from './live/live.module.js';

@Module({
  imports: [
    ProcessBeatModule.of('gateway'),
    HttpModule,
    AuditModule,
    BudgetsModule,
    CostsModule,
    EventsModule,
    ExecutionsModule,
    HealthModule,
    LiveModule,
  ],
})
export class GatewayModule {}
