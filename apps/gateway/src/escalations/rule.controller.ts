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
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { RuleRow } from '@houston/common/escalation/escalation.row.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { type Page, PageQuery, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CheckService } from './check.service.js';
import { CheckView, EvaluationView } from './check.view.js';
import { DryRunService } from './dry-run.service.js';
import { DryRunView } from './dry-run.view.js';
import { CreateRuleDto, DryRunDto, UpdateRuleDto } from './rule.dto.js';
import { RULE_EXAMPLES } from './rule.examples.js';
import { RuleService } from './rule.service.js';
import { ruleView, RuleView } from './rule.view.js';

@ApiTags('escalation')
@ApiBearerAuth()
@Controller('api/escalation-rules')
export class RuleController {
  constructor(
    @Inject(RuleService) private readonly rules: RuleService,
    @Inject(CheckService) private readonly checks: CheckService,
    @Inject(DryRunService) private readonly dryRuns: DryRunService,
  ) {}

  @Post()
  @Can('escalation:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Let something be told, or done, when work waits too long',
    description:
      'It fires within two seconds of its time, only if it is still true, and once: then again when the cooldown ends, one level higher, up to `maxDepth` times. When it is no longer true, what it has raised is resolved and it begins anew.',
  })
  @ApiBody({ type: CreateRuleDto, examples: RULE_EXAMPLES })
  @ApiCreatedResponse({ type: RuleView })
  @Problems('invalid_condition', 'unknown_agent')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateRuleDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    return answer(await this.rules.create(caller, body, id), reply);
  }

  @Get()
  @Can('escalation:read')
  @ApiOperation({ summary: 'Rules in order of their names', description: 'Every workspace begins with five.' })
  @ApiPage(RuleView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor }: PageQuery): Promise<Page<RuleView>> {
    const binding = [caller.workspaceId, 'escalation-rules'];
    const rows = await this.rules.list(caller, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.name, row.id], ruleView);
  }

  @Post('check-all')
  @HttpCode(200)
  @Can('escalation:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Hold every rule against everything now',
    description:
      'Not needed for rules to fire. What is due fires; what does not fit into ten seconds is done afterwards.',
  })
  @ApiOkResponse({ type: CheckView })
  @Problems()
  checkAll(@CurrentCaller() caller: Caller): Promise<CheckView> {
    return this.checks.all(caller);
  }

  @Post('evaluate/:taskId')
  @HttpCode(200)
  @Can('escalation:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Hold every rule against one task now',
    description: 'What is due fires, as it would have by itself; the answer says of each rule how it stands.',
  })
  @ApiOkResponse({ type: EvaluationView })
  @Problems('not_found')
  evaluate(@CurrentCaller() caller: Caller, @Param('taskId', idParam) taskId: string): Promise<EvaluationView> {
    return this.checks.task(caller, taskId);
  }

  @Get(':id')
  @Can('escalation:read')
  @ApiOperation({ summary: 'A rule' })
  @ApiOkResponse({ type: RuleView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    return answer(await this.rules.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('escalation:write')
  @ApiOperation({
    summary: 'Change a rule',
    description:
      'What is named changes. It is held against everything anew; what it has raised and no longer holds is resolved.',
  })
  @ApiOkResponse({ type: RuleView })
  @Problems('not_found', 'precondition_failed', 'invalid_condition', 'unknown_agent')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateRuleDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RuleView> {
    return answer(await this.rules.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('escalation:write')
  @ApiOperation({ summary: 'Delete a rule', description: 'What it has raised is resolved; the history stays.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.rules.remove(caller, id, ifMatch);
  }

  @Post(':id/dry-run')
  @HttpCode(200)
  @Can('escalation:read')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'When it would have fired in the last days',
    description:
      'First firings only, latest first, at most 1,000; nothing is done. Priority, tags and demands are taken as they are now. What began before the first of the days is counted from its beginning. Of budgets the alerts are looked at.',
  })
  @ApiOkResponse({ type: DryRunView })
  @Problems('not_found')
  dryRun(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() { days }: DryRunDto,
  ): Promise<DryRunView> {
    return this.dryRuns.run(caller, id, days);
  }
}

function answer(row: RuleRow, reply: FastifyReply): RuleView {
  void reply.header('etag', etagOf(row.version));
  return ruleView(row);
}
