import { Body, Controller, Get, Headers, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { AgentEntity } from '@houston/common/db/entities/agent.entity.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { AgentsQuery, CreateAgentDto, UpdateAgentDto } from './agent.dto.js';
import { AgentService } from './agent.service.js';
import { agentView, AgentView } from './agent.view.js';

@ApiTags('agents')
@ApiBearerAuth()
@Controller('api/agents')
export class AgentController {
  constructor(@Inject(AgentService) private readonly agents: AgentService) {}

  @Post()
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Create an agent',
    description: 'Agents belong to the organization. They also register themselves by their first execution.',
  })
  @ApiCreatedResponse({ type: AgentView })
  @Problems('already_exists')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateAgentDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return answer(await this.agents.create(caller, body, id), reply);
  }

  @Get()
  @Can('agents:read')
  @ApiOperation({ summary: 'Agents in order of their names' })
  @ApiPage(AgentView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor, q }: AgentsQuery): Promise<Page<AgentView>> {
    const binding = [caller.organizationId, 'agents', q];
    const [afterName = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.agents.list(caller, { q, afterName, limit });
    return pageOf(rows, limit, binding, (row) => [row.name], agentView);
  }

  @Get(':id')
  @Can('agents:read')
  @ApiOperation({ summary: 'An agent, by id or name' })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return answer(await this.agents.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('agents:write')
  @ApiOperation({ summary: 'Change description or metadata', description: 'By id or name. The name never changes.' })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found', 'precondition_failed')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateAgentDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return answer(await this.agents.update(caller, id, body, ifMatch), reply);
  }
}

function answer(agent: AgentEntity, reply: FastifyReply): AgentView {
  void reply.header('etag', etagOf(agent.version));
  return agentView(agent);
}
