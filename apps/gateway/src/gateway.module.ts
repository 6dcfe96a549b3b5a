import { Module } from '@nestjs/common';
import { ExecutionsModule } from './executions/executions.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';

@Module({
  imports: [HttpModule, ExecutionsModule, HealthModule],
})
export class GatewayModule {}
