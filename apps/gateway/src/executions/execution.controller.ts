import { Body, Controller, Get, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { formatUsd } from '@houston/common/domain/money.js';
import { previewView } from '../admission/preview.view.js';
import { type AdmissionOutcome, AdmissionService, type Estimate, type Intent } from '../admission/admission.service.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { ApproverStore } from '../approvals/approver.store.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { invalid, Problem } from '../http/problem.js';
import { idParam } from '../http/id-param.js';
import {
  CompleteExecutionDto,
  CreateExecutionDto,
  type EstimateDto,
  RecordExecutionsDto,
  ReportUsageDto,
} from './execution.dto.js';
import { ExecutionsQuery } from './executions-query.dto.js';
import { ADMISSION_EXAMPLES, COMPLETION_EXAMPLES, RECORD_EXAMPLES } from './execution.examples.js';
import { ExecutionService } from './execution.service.js';
import { ExecutionStore } from './execution.store.js';
import {
  AdmittedView,
  ContinueView,
  denialLegView,
  executionView,
  ExecutionView,
  RecordedView,
  remainingView,
} from './execution.view.js';
import { RecordService } from './record.service.js';

const PREVIEW_EXAMPLE = {
  dryRun: true,
  status: 'denied',
  code: 'budget_exceeded',
  heldUsd: '0.011',
  budgets: [{ id: '0199…', name: 'Research, daily', mode: 'enforce', availableUsd: '0.009', admits: false }],
};

@ApiTags('executions')
@ApiBearerAuth()
@Controller('api/executions')
export class ExecutionController {
  constructor(
    @Inject(AdmissionService) private readonly admission: AdmissionService,
    @Inject(ExecutionService) private readonly executions: ExecutionService,
    @Inject(ExecutionStore) private readonly store: ExecutionStore,
    @Inject(RecordService) private readonly recorder: RecordService,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(ApproverStore) private readonly approvers: ApproverStore,
  ) {}

  @Post()
  @Can('executions:write')
  @TakesIdempotencyKey()
  @ApiBody({ type: CreateExecutionDto, examples: ADMISSION_EXAMPLES })
  @ApiOperation({
    summary: 'Ask before spending',
    description:
      'Holds the most the run can cost in every budget that covers it, or says which budget has no room and who may grant more (`approvers`): ask them with `request-raise`. A denial is not kept under its Idempotency-Key.',
  })
  @ApiCreatedResponse({ type: AdmittedView })
  @ApiOkResponse({
    description: 'With `dryRun`: what would happen',
    schema: { type: 'object', example: PREVIEW_EXAMPLE },
  })
  @Problems('budget_exceeded', 'budget_frozen', 'unknown_agent', 'unknown_price', 'overloaded')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateExecutionDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const intent = intentOf(body);
    if (body.dryRun) {
      void reply.status(200);
      return previewView(await this.admission.preview(caller, intent));
    }
    const outcome = await this.admission.admit(caller, intent, id);
    switch (outcome.kind) {
      case 'admitted':
        return this.admitted(caller, intent, outcome);
      case 'denied':
        throw await this.denied(caller, outcome);
      case 'existing':
        return this.executions.view(caller, outcome.executionId);
    }
  }

  @Post('record')
  @HttpCode(201)
  @Can('executions:write')
  @TakesIdempotencyKey()
  @ApiBody({ type: RecordExecutionsDto, examples: RECORD_EXAMPLES })
  @ApiOperation({
    summary: 'Record finished executions',
    description: 'Up to 1,000; deduplicated by `externalId`, never refused for budget.',
  })
  @ApiCreatedResponse({ type: RecordedView })
  @Problems('unknown_agent')
  record(@CurrentCaller() caller: Caller, @Body() body: RecordExecutionsDto): Promise<RecordedView> {
    return this.recorder.record(caller, body.items);
  }

  @Get()
  @Can('executions:read')
  @ApiOperation({ summary: 'List executions, newest first' })
  @ApiOkResponse({ type: [ExecutionView], description: '`{items, nextCursor}`' })
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: ExecutionsQuery): Promise<Page<ExecutionView>> {
    const { limit, cursor, agent, tag, ...rest } = query;
    const binding = [caller.workspaceId, 'executions', { agent, tag, ...rest }];
    const agentId = agent === undefined ? undefined : (await this.agents.find(caller.organizationId, agent))?.id;
    if (agent !== undefined && agentId === undefined) return { items: [], nextCursor: null };
    const rows = await this.store.list(caller, {
      ...rest,
      agentId,
      tags: tagsOf(tag),
      after: readCursor(cursor, binding, 2),
      limit,
    });
    const names = await this.agents.names(
      caller.organizationId,
      rows.map((row) => row.agent_id),
    );
    return pageOf(
      rows,
      limit,
      binding,
      (row) => [row.sort_key, row.id],
      (row) => executionView(row, names),
    );
  }

  @Get(':id')
  @Can('executions:read')
  @ApiOperation({ summary: 'One execution, with the prices it was held and settled at' })
  @ApiOkResponse({ type: ExecutionView })
  @Problems('not_found')
  get(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<ExecutionView> {
    return this.executions.view(caller, id);
  }

  @Patch(':id')
  @Can('executions:write')
  @ApiOperation({
    summary: 'Report usage while running',
    description: 'Keeps the hold alive and raises it when the cost outgrows it. `continue: false` means: stop now.',
  })
  @ApiOkResponse({ type: ContinueView })
  @Problems('not_found', 'execution_not_running')
  report(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: ReportUsageDto,
  ): Promise<ContinueView> {
    return this.executions.report(caller, id, body.usage);
  }

  @Post(':id/complete')
  @HttpCode(200)
  @Can('executions:write')
  @TakesIdempotencyKey()
  @ApiBody({ type: CompleteExecutionDto, examples: COMPLETION_EXAMPLES })
  @ApiOperation({
    summary: 'Settle',
    description: 'Repeating the same answer is harmless; after the hold expired it still counts (`late`).',
  })
  @ApiOkResponse({ type: ExecutionView })
  @Problems('not_found', 'completion_conflict', 'execution_not_running', 'usage_required')
  complete(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: CompleteExecutionDto,
  ): Promise<ExecutionView> {
    return this.executions.complete(caller, id, body);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Can('executions:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Release the hold',
    description: 'What the run has reported so far is spent, the rest is free again.',
  })
  @ApiOkResponse({ type: ExecutionView })
  @Problems('not_found', 'completion_conflict', 'execution_not_running')
  cancel(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<ExecutionView> {
    return this.executions.cancel(caller, id);
  }

  private admitted(
    caller: Caller,
    intent: Intent,
    outcome: Extract<AdmissionOutcome, { kind: 'admitted' }>,
  ): AdmittedView {
    const { executionId: id, agent, provider } = outcome;
    this.executions.remember(caller.workspaceId, id, { agentId: agent.id, model: intent.model, provider });
    return {
      id,
      status: 'admitted',
      agent: agent.name,
      model: intent.model,
      provider,
      heldUsd: formatUsd(outcome.heldNano),
      holdExpiresAt: new Date(outcome.judgedAt.getTime() + intent.holdSeconds * 1000).toISOString(),
      budgets: outcome.legs.map(remainingView),
    };
  }

  private async denied(caller: Caller, outcome: Extract<AdmissionOutcome, { kind: 'denied' }>): Promise<Problem> {
    const ids = outcome.legs.flatMap(({ budget }) => budget.terms?.agentId ?? []);
    const names = await this.agents.names(caller.organizationId, ids);
    const { name, terms } = outcome.binding.budget;
    const detail =
      outcome.code === 'budget_frozen'
        ? `The budget ${name} is frozen: ${terms?.frozenReason}`
        : `The budget ${name} has no room for ${formatUsd(outcome.heldNano)} USD.`;
    return new Problem(outcome.code, {
      detail,
      extensions: {
        executionId: outcome.executionId,
        requestedUsd: formatUsd(outcome.heldNano),
        budget: denialLegView(outcome.binding, names),
        budgets: outcome.legs.map((leg) => denialLegView(leg, names)),
        approvers: await this.approvers.approvers(caller, terms?.workspaceId === null),
      },
    });
  }
}

function intentOf(body: CreateExecutionDto): Intent {
  const { agent, model, trigger, taskId, parentId, tags, metadata, holdSeconds } = body;
  return {
    agent,
    model,
    provider: body.provider ?? null,
    estimate: estimateOf(body.estimate),
    trigger,
    taskId,
    parentId,
    tags,
    metadata,
    holdSeconds,
  };
}

function estimateOf({ inputTokens, maxOutputTokens, costUsd }: EstimateDto): Estimate {
  if (costUsd !== undefined) {
    if (inputTokens !== undefined || maxOutputTokens !== undefined)
      throw invalid('estimate', 'Send tokens or costUsd, not both.');
    return { costNano: costUsd };
  }
  if (inputTokens === undefined)
    throw invalid('estimate.inputTokens', 'Send inputTokens and maxOutputTokens, or costUsd.');
  if (maxOutputTokens === undefined)
    throw invalid('estimate.maxOutputTokens', 'Send inputTokens and maxOutputTokens, or costUsd.');
  return { inputTokens, maxOutputTokens };
}

function tagsOf(tags: string[] | undefined): Record<string, string> | undefined {
  if (tags === undefined) return undefined;
  return Object.fromEntries(
    tags.map((tag) => {
      const colon = tag.indexOf(':');
      if (colon < 1) throw invalid('tag', 'Write it as name:value.');
      return [tag.slice(0, colon), tag.slice(colon + 1)];
    }),
  );
}
