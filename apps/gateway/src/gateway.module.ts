import { Module } from '@nestjs/common';
import { BudgetsModule } from './budgets/budgets.module.js';
import { CostsModule } from './costs/costs.module.js';
import { ExecutionsModule } from './executions/executions.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';

@Module({
  imports: [HttpModule, BudgetsModule, CostsModule, ExecutionsModule, HealthModule],
})
export class GatewayModule {}
