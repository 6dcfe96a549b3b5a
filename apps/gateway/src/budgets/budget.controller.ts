import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { BudgetsQuery, CreateBudgetDto, FreezeBudgetDto, UpdateBudgetDto } from './budget.dto.js';
import type { BudgetRow } from './budget.row.js';
import { BudgetService } from './budget.service.js';
import { BudgetStore } from './budget.store.js';
import { budgetView, BudgetView } from './budget.view.js';

@ApiTags('budgets')
@ApiBearerAuth()
@Controller('api/budgets')
export class BudgetController {
  constructor(
    @Inject(BudgetService) private readonly budgets: BudgetService,
    @Inject(BudgetStore) private readonly store: BudgetStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  @Post()
  @Can('budgets:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Create a budget',
    description:
      'It acts at once. What its present window has already cost in its scope is its opening balance, and running executions in its scope are held in it too.',
  })
  @ApiCreatedResponse({ type: BudgetView })
  @Problems('unknown_agent')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateBudgetDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetView> {
    return this.answer(caller, await this.budgets.create(caller, body, id), reply);
  }

  @Get()
  @Can('budgets:read')
  @ApiOperation({ summary: "The workspace's budgets and the organization's, in order of creation" })
  @ApiPage(BudgetView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: BudgetsQuery): Promise<Page<BudgetView>> {
    const { limit, cursor, agent, ...filter } = query;
    const binding = [caller.workspaceId, 'budgets', { agent, ...filter }];
    const after = readCursor(cursor, binding, 2);
    const agentId = agent === undefined ? undefined : (await this.agents.find(caller.organizationId, agent))?.id;
    if (agent !== undefined && agentId === undefined) return { items: [], nextCursor: null };
    const rows = await this.store.list(caller, { ...filter, agentId, after, limit });
    const names = await this.namesOf(caller, rows);
    return pageOf(
      rows,
      limit,
      binding,
      (row) => [row.sort_key, row.id],
      (row) => budgetView(row, names),
    );
  }

  @Get(':id')
  @Can('budgets:read')
  @ApiOperation({ summary: 'A budget and the figures of its present window' })
  @ApiOkResponse({ type: BudgetView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetView> {
    return this.answer(caller, await this.budgets.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('budgets:write')
  @ApiOperation({
    summary: 'Change name, limit, mode or thresholds',
    description:
      'Acts at once. Alerts that are no longer crossed may fire again; a lowered limit may fire some immediately. While raises last, limitUsd sets the limit without them: the answer shows it with them, and when they end it is what remains. The figure as it was read, raises included, changes nothing. Period, zone, level and scope never change.',
  })
  @ApiOkResponse({ type: BudgetView })
  @Problems('not_found', 'precondition_failed')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateBudgetDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetView> {
    return this.answer(caller, await this.budgets.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('budgets:write')
  @ApiOperation({ summary: 'Delete a budget', description: 'It limits nothing any more; its history stays.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.budgets.remove(caller, id, ifMatch);
  }

  @Post(':id/freeze')
  @HttpCode(200)
  @Can('budgets:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Admit nothing that this budget covers',
    description: 'Freezing a frozen budget changes nothing: the first reason stands.',
  })
  @ApiOkResponse({ type: BudgetView })
  @Problems('not_found')
  async freeze(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: FreezeBudgetDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetView> {
    return this.answer(caller, await this.budgets.freeze(caller, id, body.reason), reply);
  }

  @Post(':id/unfreeze')
  @HttpCode(200)
  @Can('budgets:write')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Admit again what fits' })
  @ApiOkResponse({ type: BudgetView })
  @Problems('not_found')
  async unfreeze(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetView> {
    return this.answer(caller, await this.budgets.unfreeze(caller, id), reply);
  }

  private async answer(caller: Caller, row: BudgetRow, reply: FastifyReply): Promise<BudgetView> {
    void reply.header('etag', etagOf(row.version));
    return budgetView(row, await this.namesOf(caller, [row]));
  }

  private namesOf(caller: Caller, rows: BudgetRow[]): Promise<Map<string, string>> {
    return this.agents.names(
      caller.organizationId,
      rows.flatMap((row) => (row.agent_id === null ? [] : [row.agent_id])),
    );
  }
}
