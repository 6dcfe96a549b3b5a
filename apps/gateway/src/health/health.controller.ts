import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../http/caller.guard.js';
import { LiveView, PartView, ReadyView } from './health.dto.js';
import { Readiness } from './readiness.js';

@ApiTags('health')
@ApiExtraModels(PartView)
@Controller('health')
export class HealthController {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'Whether this process turns at all', description: 'Asks nobody else.' })
  @ApiOkResponse({ type: LiveView })
  live(): LiveView {
    return { status: 'ok' };
  }

  @Get('ready')
  @Public()
  @ApiOperation({
    summary: 'Whether the house can do all it promises',
    description: 'Postgres and the queues answer, and every other service has given a sign of life within 15 s.',
  })
  @ApiOkResponse({ type: ReadyView })
  @ApiServiceUnavailableResponse({ type: ReadyView, description: 'Some part is missing; `parts` says which and why' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyView> {
    const view = await this.readiness.check();
    void reply.status(view.status === 'ready' ? 200 : 503).header('cache-control', 'no-store');
    return view;
  }
}
