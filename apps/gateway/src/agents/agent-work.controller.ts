import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { agentView, AgentView } from './agent.view.js';
import { HaltDto, MetricsQuery, SetCapacityDto } from './agent-work.dto.js';
import { AgentWorkService } from './agent-work.service.js';
import { capacityView, CapacityView, metricsView, MetricsView } from './agent-work.view.js';

@ApiTags('agents')
@ApiBearerAuth()
@Controller('api/agents/:id')
export class AgentWorkController {
  constructor(@Inject(AgentWorkService) private readonly work: AgentWorkService) {}

  @Post('pause')
  @HttpCode(200)
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Give an agent no new work',
    description: 'What it has on lease goes on. By id or name; pausing a paused agent changes nothing.',
  })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found')
  async pause(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body() body: HaltDto): Promise<AgentView> {
    return agentView(await this.work.pause(caller, id, body.reason));
  }

  @Post('resume')
  @HttpCode(200)
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Give a paused or draining agent work again',
    description: 'By id or name. Of a degraded one it closes the breaker.',
  })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found')
  async resume(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<AgentView> {
    return agentView(await this.work.resume(caller, id));
  }

  @Post('drain')
  @HttpCode(200)
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Let an agent finish what it has, for good',
    description: 'As pause, and shown as `draining` until it is resumed. By id or name.',
  })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found')
  async drain(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body() body: HaltDto): Promise<AgentView> {
    return agentView(await this.work.drain(caller, id, body.reason));
  }

  @Get('capacity')
  @Can('agents:read')
  @ApiOperation({ summary: 'How much an agent can take, and when', description: 'By id or name.' })
  @ApiOkResponse({ type: CapacityView })
  @Problems('not_found')
  async capacity(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<CapacityView> {
    const { agent, capacity } = await this.work.capacity(caller, id);
    return capacityView(agent, capacity);
  }

  @Post('capacity/set')
  @HttpCode(200)
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Set how much an agent takes at once, and its weekly hours',
    description:
      'By id or name. Hours go by the clock on the wall of their zone: one that is skipped in spring is not worked, one ' +
      'that comes twice in autumn is worked twice. What it has on lease beyond a lowered capacity it keeps.',
  })
  @ApiOkResponse({ type: CapacityView })
  @Problems('not_found')
  async setCapacity(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: SetCapacityDto,
  ): Promise<CapacityView> {
    const { agent, capacity } = await this.work.setCapacity(caller, id, body);
    return capacityView(agent, capacity);
  }

  @Get('metrics')
  @Can('agents:read')
  @ApiOperation({ summary: 'How an agent did in the workspace', description: 'By id or name.' })
  @ApiOkResponse({ type: MetricsView })
  @Problems('not_found')
  async metrics(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() { days }: MetricsQuery,
  ): Promise<MetricsView> {
    return metricsView(days, await this.work.metrics(caller, id, days));
  }
}
