import { Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { StandupService } from './standup.service.js';
import {
  previewView,
  StandupPreviewView,
  StandupSummaryView,
  standupView,
  StandupView,
  summaryView,
} from './standup.view.js';

@ApiTags('standups')
@ApiBearerAuth()
@Controller('api/standups')
export class StandupController {
  constructor(@Inject(StandupService) private readonly standups: StandupService) {}

  @Get()
  @Can('standups:read')
  @ApiOperation({ summary: 'Stand-ups, newest first', description: 'Without their sections.' })
  @ApiPage(StandupSummaryView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<StandupSummaryView>> {
    const binding = [caller.workspaceId, 'standups'];
    const rows = await this.standups.list(caller, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], summaryView);
  }

  @Get('preview')
  @Can('standups:read')
  @ApiOperation({
    summary: 'What a stand-up would say now',
    description:
      'Tasks completed, in progress, blocked and to be reviewed, decisions, and what was spent, of the last 24 hours. ' +
      'Nothing is kept or sent. What people wrote is made harmless in each markup.',
  })
  @ApiOkResponse({ type: StandupPreviewView })
  @Problems()
  async preview(@CurrentCaller() caller: Caller): Promise<StandupPreviewView> {
    return previewView(await this.standups.preview(caller));
  }

  @Post('send')
  @Can('standups:send')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Send a stand-up now',
    description:
      'Once to each webhook and channel that is subscribed to `standup.*`, as the event `standup.sent`. While the feature ' +
      '`standups` is switched off it waits.',
  })
  @ApiCreatedResponse({ type: StandupView })
  @Problems()
  async send(@CurrentCaller() caller: Caller, @NewId() id: CreationId): Promise<StandupView> {
    return standupView(await this.standups.send(caller, id));
  }

  @Get(':id')
  @Can('standups:read')
  @ApiOperation({ summary: 'A stand-up as it was sent' })
  @ApiOkResponse({ type: StandupView })
  @Problems('not_found')
  async get(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<StandupView> {
    return standupView(await this.standups.find(caller, id));
  }
}
