/*
 * A gateway with one route more: it takes the request of an admission through the whole edge (key, role, limits, JSON,
 * validation), does nothing, and answers as much as an admission does. What admission costs is what it costs beyond this.
 */
import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { Can } from '../apps/gateway/src/http/caller.guard.js';
import { CreateExecutionDto } from '../apps/gateway/src/executions/execution.dto.js';
import { createGateway } from '../apps/gateway/src/gateway.js';
import { GatewayModule } from '../apps/gateway/src/gateway.module.js';

const ID = '01900000-0000-7000-8000-000000000000';
const ANSWER = {
  id: ID,
  status: 'admitted',
  model: 'gpt-4o-mini',
  provider: 'openai',
  heldUsd: '0.00045',
  holdExpiresAt: '2026-01-01T00:00:00.000Z',
  budgets: ['organization', 'workspace', 'agent', 'agent'].map((name) => ({
    id: ID,
    name,
    remainingUsd: '1000000000',
  })),
};

@Controller('api/no-op')
class NoOpController {
  @Post()
  @HttpCode(201)
  @Can('executions:write')
  take(@Body() body: CreateExecutionDto): object {
    return { ...ANSWER, model: body.model };
  }
}

@Module({ imports: [GatewayModule], controllers: [NoOpController] })
class NoOpModule {}

const { app, config } = await createGateway(undefined, NoOpModule);
process.once('SIGTERM', () => void app.close());
await app.listen(config.port, config.host);
process.send?.({ type: 'ready' });
