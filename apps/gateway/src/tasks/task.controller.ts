import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { notFound } from '../http/problem.js';
import { CreateTaskDto, CreateTasksDto, TransitionDto, UpdateTaskDto } from './task.dto.js';
import { TasksQuery } from './task-list.dto.js';
import { TaskService } from './task.service.js';
import { TaskStore } from './task.store.js';
import { agentIdsOf, taskView, TaskView, type TaskWithEdges } from './task.view.js';
import { TransitionService } from './transition.service.js';

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/tasks')
export class TaskController {
  constructor(
    @Inject(TaskService) private readonly tasks: TaskService,
    @Inject(TransitionService) private readonly transitions: TransitionService,
    @Inject(TaskStore) private readonly store: TaskStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  @Post()
  @Can('tasks:create')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateTaskDto,
    examples: {
      simple: {
        summary: 'For whoever is able',
        value: {
          title: 'Summarise the quarterly report',
          priority: 'high',
          requiredCapabilities: ['research', { name: 'french', minLevel: 3 }],
          payload: { report: 'Q3' },
        },
      },
      bounded: {
        summary: 'With bounds, and a shape for the result',
        value: {
          title: 'Translate the summary',
          executionTimeoutSeconds: 600,
          sloSeconds: 3600,
          budgetUsd: '0.50',
          retryPolicy: { initialInterval: 1, backoffCoefficient: 2, maximumInterval: 100, maximumAttempts: 3 },
          outputSchema: { type: 'object', required: ['summary'] },
          tags: ['report'],
        },
      },
    },
  })
  @ApiOperation({
    summary: 'Create a task',
    description: 'Offered to able agents at once, unless it waits for others.',
  })
  @ApiCreatedResponse({ type: TaskView })
  @Problems('unknown_agent')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateTaskDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    return this.answer(caller, await this.tasks.create(caller, body, id), reply);
  }

  @Post('bulk')
  @Can('tasks:create')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateTasksDto,
    examples: {
      two: { value: { items: [{ title: 'Gather the figures' }, { title: 'Check the figures', priority: 'low' }] } },
    },
  })
  @ApiOperation({ summary: 'Create up to 1,000 tasks', description: 'All or none.' })
  @ApiCreatedResponse({ description: '`{items}`, in the order of the request', type: [TaskView] })
  @Problems('unknown_agent')
  async createAll(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateTasksDto,
    @NewId() id: CreationId,
  ): Promise<{ items: TaskView[] }> {
    const rows = await this.tasks.createAll(caller, body.items, id);
    const names = await this.agents.names(caller.organizationId, agentIdsOf(rows));
    return { items: rows.map((row) => taskView(row, names)) };
  }

  @Get()
  @Can('tasks:read')
  @ApiOperation({ summary: 'List tasks, newest first' })
  @ApiPage(TaskView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: TasksQuery): Promise<Page<TaskView>> {
    const { limit, cursor, assignee, agent, ...filter } = query;
    const binding = [caller.workspaceId, 'tasks', { assignee, agent, ...filter }];
    const after = readCursor(cursor, binding, 2);
    const assigneeId = await this.agentId(caller, assignee);
    const agentId = await this.agentId(caller, agent);
    if (assigneeId === null || agentId === null) return { items: [], nextCursor: null };
    const rows = await this.store.list(caller, { ...filter, assigneeId, agentId, after, limit });
    const names = await this.agents.names(caller.organizationId, agentIdsOf(rows));
    return pageOf(
      rows,
      limit,
      binding,
      (row) => [row.sort_key, row.id],
      (row) => taskView(row, names),
    );
  }

  @Get(':id')
  @Can('tasks:read')
  @ApiOperation({ summary: 'One task' })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    const row = await this.store.find(caller, id);
    if (!row) throw notFound();
    return this.answer(caller, row, reply);
  }

  @Patch(':id')
  @Can('tasks:write')
  @ApiBody({ type: UpdateTaskDto, examples: { sooner: { value: { priority: 'urgent', tags: ['report', 'board'] } } } })
  @ApiOperation({ summary: 'Change a task', description: 'What is named changes, null clears. Not its status.' })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'precondition_failed', 'conflict', 'dependency_cycle', 'unknown_agent')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateTaskDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    return this.answer(caller, await this.tasks.update(caller, id, body, ifMatch), reply);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Can('tasks:write')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Cancel a task', description: 'Whoever works on it learns by the next heartbeat.' })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'illegal_transition')
  async cancel(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    return this.answer(caller, await this.transitions.move(caller, id, { to: 'cancelled' }), reply);
  }

  @Post(':id/transition')
  @HttpCode(200)
  @Can('tasks:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Move a task to another status',
    description:
      'A lease it was on ends. 409 `illegal_transition` names the `allowed` ones; what is missing is 422 and changes nothing.',
  })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'illegal_transition', 'blocker_reason_required', 'evidence_required', 'output_schema_mismatch')
  async transition(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: TransitionDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    return this.answer(caller, await this.transitions.move(caller, id, body), reply);
  }

  private async answer(caller: Caller, row: TaskWithEdges, reply: FastifyReply): Promise<TaskView> {
    void reply.header('etag', etagOf(row.version));
    return taskView(row, await this.agents.names(caller.organizationId, agentIdsOf([row])));
  }

  /** Undefined where nobody was asked for, null where nobody is called so. */
  private async agentId(caller: Caller, name: string | undefined): Promise<string | null | undefined> {
    if (name === undefined) return undefined;
    return (await this.agents.find(caller.organizationId, name))?.id ?? null;
  }
}
