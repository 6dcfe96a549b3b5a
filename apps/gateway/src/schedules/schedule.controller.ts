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
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { type Page, PageQuery, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateScheduleDto, PreviewDto, TicksQuery, UpdateScheduleDto } from './schedule.dto.js';
import type { ScheduleRow } from './schedule.row.js';
import { ScheduleService } from './schedule.service.js';
import { HistoryView, PreviewView, scheduleView, ScheduleView, tickView, TickView } from './schedule.view.js';
import { formatUsd } from '@houston/common/domain/money.js';

@ApiTags('schedules')
@ApiBearerAuth()
@Controller('api/schedules')
export class ScheduleController {
  constructor(@Inject(ScheduleService) private readonly schedules: ScheduleService) {}

  @Post()
  @Can('schedules:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Let something happen again and again',
    description:
      'Where clocks are put forward, a tick in the gap happens within the hour after the change; where they are put back, a tick happens at the first of the two times only, unless the expression is one of every hour. After five failures in a row no run begins for 120 s.',
  })
  @ApiBody({
    type: CreateScheduleDto,
    examples: {
      report: {
        summary: 'A task each weekday',
        value: {
          name: 'Morning report',
          cron: '30 9 * * MON-FRI',
          timezone: 'Europe/Paris',
          target: { task: { title: 'Morning report' } },
        },
      },
      workflow: {
        summary: 'Tasks that wait for each other',
        value: {
          name: 'Weekly report',
          cron: '0 7 * * MON',
          target: {
            workflow: {
              tasks: [
                { key: 'research', title: 'Gather the figures', requiredCapabilities: ['research'] },
                { key: 'write', title: 'Write the report', dependsOn: ['research'] },
              ],
            },
          },
        },
      },
      standup: {
        summary: 'A stand-up at noon, too',
        value: { name: 'Noon', cron: '0 12 * * MON-FRI', target: { standup: {} } },
      },
      heartbeat: {
        summary: 'Wake an agent when the board has changed',
        value: { name: 'Researcher', cron: '*/15 * * * *', target: { heartbeat: { agent: 'researcher' } } },
      },
    },
  })
  @ApiCreatedResponse({ type: ScheduleView })
  @Problems('unknown_agent')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateScheduleDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return answer(await this.schedules.create(caller, body, id), reply);
  }

  @Get()
  @Can('schedules:read')
  @ApiOperation({ summary: 'Schedules in order of their names' })
  @ApiPage(ScheduleView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor }: PageQuery): Promise<Page<ScheduleView>> {
    const binding = [caller.workspaceId, 'schedules'];
    const rows = await this.schedules.list(caller, readCursor(cursor, binding, 2), limit);
    return pageOf(rows, limit, binding, (row) => [row.name, row.id], scheduleView);
  }

  @Post('preview')
  @HttpCode(200)
  @Can('schedules:read')
  @TakesIdempotencyKey()
  @ApiBody({
    type: PreviewDto,
    examples: {
      cron: {
        summary: 'Over a change of clocks',
        value: { cron: '30 2 * * *', timezone: 'Europe/Paris', from: '2027-03-27T00:00:00Z', count: 3 },
      },
      everySeconds: { value: { everySeconds: 90 } },
    },
  })
  @ApiOperation({ summary: 'When a schedule would be due', description: 'Nothing is kept.' })
  @ApiOkResponse({ type: PreviewView })
  @Problems()
  async preview(@CurrentCaller() caller: Caller, @Body() body: PreviewDto): Promise<PreviewView> {
    const ticks = await this.schedules.preview(caller, body);
    return { nextTicks: ticks.map((tick) => tick.toISOString()) };
  }

  @Get(':id')
  @Can('schedules:read')
  @ApiOperation({ summary: 'A schedule and its next five ticks' })
  @ApiOkResponse({ type: ScheduleView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return answer(await this.schedules.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('schedules:write')
  @ApiBody({
    type: UpdateScheduleDto,
    examples: { later: { value: { cron: '30 10 * * MON-FRI', timezone: 'Europe/Paris' } } },
  })
  @ApiOperation({
    summary: 'Change a schedule',
    description: 'What is named changes. Runs that have begun go on as they are; a new interval is counted from now.',
  })
  @ApiOkResponse({ type: ScheduleView })
  @Problems('not_found', 'precondition_failed', 'unknown_agent')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateScheduleDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return answer(await this.schedules.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('schedules:write')
  @ApiOperation({ summary: 'Delete a schedule and its history', description: 'Tasks that it has made go on.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.schedules.remove(caller, id, ifMatch);
  }

  @Post(':id/run')
  @Can('schedules:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Run it now',
    description:
      'Also when it is paused or its breaker is open. Overlaps are treated as ever: the answer says whether the run began, waits or was skipped.',
  })
  @ApiCreatedResponse({ type: TickView })
  @Problems('not_found')
  async run(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @NewId() tickId: CreationId,
  ): Promise<TickView> {
    return tickView(await this.schedules.run(caller, id, tickId));
  }

  @Post(':id/pause')
  @HttpCode(200)
  @Can('schedules:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Let no tick come until it is resumed',
    description:
      'Ticks that still wait for their turn are skipped; the run that goes on is left alone. None of the time is made up for.',
  })
  @ApiOkResponse({ type: ScheduleView })
  @Problems('not_found')
  async pause(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<ScheduleView> {
    return scheduleView(await this.schedules.pause(caller, id));
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Can('schedules:write')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Let ticks come again', description: 'The first is the next by the clock.' })
  @ApiOkResponse({ type: ScheduleView })
  @Problems('not_found')
  async resume(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<ScheduleView> {
    return scheduleView(await this.schedules.resume(caller, id));
  }

  @Get(':id/history')
  @Can('schedules:read')
  @ApiOperation({
    summary: 'What came of its ticks, and what that cost',
    description: 'Latest first; kept for 30 days.',
  })
  @ApiOkResponse({ type: HistoryView })
  @Problems('not_found')
  async history(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { limit, cursor, outcome }: TicksQuery,
  ): Promise<HistoryView> {
    const binding = [caller.workspaceId, 'ticks', id, outcome];
    const [after = null] = readCursor(cursor, binding, 1) ?? [];
    const { rows, costNano } = await this.schedules.history(caller, id, { outcome, after, limit });
    const page = pageOf(rows, limit, binding, (row) => [row.sort_key], tickView);
    return { ...page, costUsd: formatUsd(costNano) };
  }
}

function answer(row: ScheduleRow, reply: FastifyReply): ScheduleView {
  void reply.header('etag', etagOf(row.version));
  return scheduleView(row);
}
