import { Body, Controller, Get, Headers, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { invalid } from '../http/problem.js';
import { AgentsQuery, CreateAgentDto, UpdateAgentDto } from './agent.dto.js';
import type { AgentRow } from './agent.row.js';
import { AgentService } from './agent.service.js';
import { agentView, AgentView } from './agent.view.js';
import { versionView, VersionView } from './agent-version.view.js';

@ApiTags('agents')
@ApiBearerAuth()
@Controller('api/agents')
export class AgentController {
  constructor(@Inject(AgentService) private readonly agents: AgentService) {}

  @Post()
  @Can('agents:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateAgentDto,
    examples: {
      simple: {
        value: {
          name: 'translator',
          description: 'Translates reports',
          capabilities: [{ name: 'french', level: 4 }],
          maxConcurrent: 2,
          models: ['gpt-4o'],
          provider: 'openai',
        },
      },
    },
  })
  @ApiOperation({
    summary: 'Create an agent',
    description: 'Agents belong to the organization. They also register themselves by their first execution.',
  })
  @ApiCreatedResponse({ type: AgentView })
  @Problems('already_exists', 'unknown_agent')
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
  async list(@CurrentCaller() caller: Caller, @Query() query: AgentsQuery): Promise<Page<AgentView>> {
    const { limit, cursor, q, capability, lifecycle, status, state = status } = query;
    const binding = [caller.organizationId, 'agents', q, capability, lifecycle, state];
    const [afterName = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.agents.list(caller, { q, capability, lifecycle, state, afterName, limit });
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

  @Get(':id/versions')
  @Can('agents:read')
  @ApiOperation({ summary: 'What the registry said of an agent, newest first', description: 'By id or name.' })
  @ApiPage(VersionView)
  @Problems('not_found')
  async versions(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<VersionView>> {
    const binding = [caller.organizationId, 'agent-versions', id];
    const [before] = readCursor(cursor, binding, 1) ?? [];
    if (before !== undefined && !/^\d{1,9}$/.test(before)) throw invalid('cursor', 'Use the nextCursor of a page.');
    const rows = await this.agents.versions(caller, id, before === undefined ? null : Number(before), limit);
    return pageOf(rows, limit, binding, (row) => [String(row.version)], versionView);
  }

  @Patch(':id')
  @Can('agents:write')
  @ApiOperation({
    summary: 'Change what the registry says of an agent',
    description:
      'By id or name. The name never changes; lists are replaced as a whole. Each change is kept as a version. ' +
      'Disabling returns what the agent has on lease.',
  })
  @ApiOkResponse({ type: AgentView })
  @Problems('not_found', 'precondition_failed', 'unknown_agent')
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

function answer(agent: AgentRow, reply: FastifyReply): AgentView {
  void reply.header('etag', etagOf(agent.version));
  return agentView(agent);
}
