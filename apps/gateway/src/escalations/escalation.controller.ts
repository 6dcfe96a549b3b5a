import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { EscalationsQuery, ResolveEscalationDto } from './escalation.dto.js';
import { EscalationService } from './escalation.service.js';
import { escalationView, EscalationView } from './escalation.view.js';

@ApiTags('escalation')
@ApiBearerAuth()
@Controller('api/escalations')
export class EscalationController {
  constructor(@Inject(EscalationService) private readonly escalations: EscalationService) {}

  @Get()
  @Can('escalation:read')
  @ApiOperation({ summary: 'What was raised, and why, latest first' })
  @ApiPage(EscalationView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor, ...filter }: EscalationsQuery,
  ): Promise<Page<EscalationView>> {
    const binding = [caller.workspaceId, 'escalations', filter];
    const rows = await this.escalations.list(caller, { ...filter, after: readCursor(cursor, binding, 2), limit });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], escalationView);
  }

  @Get(':id')
  @Can('escalation:read')
  @ApiOperation({ summary: 'One escalation' })
  @ApiOkResponse({ type: EscalationView })
  @Problems('not_found')
  async get(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<EscalationView> {
    return escalationView(await this.escalations.find(caller, id));
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @Can('escalation:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Say that somebody has seen it',
    description: 'While the rule holds, its next levels fire all the same.',
  })
  @ApiOkResponse({ type: EscalationView })
  @Problems('not_found', 'conflict')
  async acknowledge(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<EscalationView> {
    return escalationView(await this.escalations.acknowledge(caller, id));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Can('escalation:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Settle it',
    description:
      'And whatever else the rule has raised about the same thing. Should the rule still hold when its cooldown has ended, it fires again, from its first level on.',
  })
  @ApiOkResponse({ type: EscalationView })
  @Problems('not_found')
  async resolve(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() { resolution }: ResolveEscalationDto,
  ): Promise<EscalationView> {
    return escalationView(await this.escalations.resolve(caller, id, resolution));
  }
}
