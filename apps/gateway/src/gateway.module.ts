import { Module } from '@nestjs/common';
import { ExecutionsModule } from './executions/executions.module.js';
import { HttpModule } from './http/http.module.js';

@Module({
  imports: [HttpModule, ExecutionsModule],
})
export class GatewayModule {}
