import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { DeadLettersQuery, ReplayDto } from './dead-letter.dto.js';
import { DeadLetterService } from './dead-letter.service.js';
import {
  DeadLetterDetailView,
  deadLetterView,
  DeadLetterView,
  ListedDeadLetterView,
  ReplayView,
} from './dead-letter.view.js';
import { ReplayService } from './replay.service.js';

@ApiTags('dead letters')
@ApiBearerAuth()
@Controller('api/dead-letters')
export class DeadLetterController {
  constructor(
    @Inject(DeadLetterService) private readonly letters: DeadLetterService,
    @Inject(ReplayService) private readonly replays: ReplayService,
  ) {}

  @Get()
  @Can('dead-letters:read')
  @ApiOperation({ summary: 'Work that was given up, newest first' })
  @ApiPage(ListedDeadLetterView)
  @Problems()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { limit, cursor, ...filter }: DeadLettersQuery,
  ): Promise<Page<ListedDeadLetterView>> {
    const binding = [caller.workspaceId, 'dead-letters', filter];
    const [afterId = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.letters.list(caller, { ...filter, afterId, limit });
    return pageOf(
      rows,
      limit,
      binding,
      (row) => [row.id],
      (row) => row,
    );
  }

  @Get(':id')
  @Can('dead-letters:read')
  @ApiOperation({ summary: 'One dead letter and everything that was tried' })
  @ApiOkResponse({ type: DeadLetterDetailView })
  @Problems('not_found')
  get(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<DeadLetterDetailView> {
    return this.letters.find(caller, id);
  }

  @Post('replay')
  @HttpCode(200)
  @Can('dead-letters:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: ReplayDto,
    examples: {
      preview: { summary: 'What would be replayed', value: { filter: { reason: 'attempts' }, preview: true } },
      many: {
        summary: 'By filter, five a second',
        value: { filter: { reason: 'attempts', tag: 'report' }, ratePerSecond: 5 },
      },
      some: { summary: 'By id', value: { ids: ['3fa85f64-5717-4562-b3fc-2c963f66afa6'] } },
    },
  })
  @ApiOperation({
    summary: 'Try many again',
    description:
      'By `ids` of any kind, or `filter` (of tasks, unless it says another `kind`), each once, at a rate; `preview` shows ' +
      'what would happen.',
  })
  @ApiOkResponse({ type: ReplayView })
  @Problems()
  replayMany(@CurrentCaller() caller: Caller, @Body() body: ReplayDto): Promise<ReplayView> {
    return this.replays.replayMany(caller, body);
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Can('dead-letters:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Try again, under the present schedule',
    description: 'Once; a webhook keeps its id, and a task is the same task with its attempts counted anew.',
  })
  @ApiOkResponse({ type: DeadLetterView })
  @Problems('not_found', 'conflict')
  async replay(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<DeadLetterView> {
    return deadLetterView(await this.letters.replay(caller, id));
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('dead-letters:write')
  @ApiOperation({ summary: 'Let it be', description: 'It stays on record as discarded.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'conflict')
  discard(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<void> {
    return this.letters.discard(caller, id);
  }
}
