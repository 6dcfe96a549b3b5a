import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { notFound } from '../http/problem.js';
import { TimelineStore } from './timeline.store.js';
import { timelineEntryView, TimelineEntryView } from './timeline.view.js';

@ApiTags('threads')
@ApiBearerAuth()
@Controller('api/tasks/:id/timeline')
export class TimelineController {
  constructor(@Inject(TimelineStore) private readonly store: TimelineStore) {}

  @Get()
  @Can('tasks:read')
  @ApiOperation({
    summary: 'Everything that happened to a task, oldest first',
    description:
      'Messages, documents, runs, approvals, escalations and changes of state in one line of time. A run stands where it ' +
      'began, as it is now.',
  })
  @ApiPage(TimelineEntryView)
  @Problems('not_found')
  async read(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<TimelineEntryView>> {
    const binding = [caller.workspaceId, 'timeline', id];
    const timeline = await this.store.read(caller, id, readCursor(cursor, binding, 3), limit);
    if (!timeline) throw notFound();
    return pageOf(
      timeline.rows,
      limit,
      binding,
      (row) => [row.sort_key, row.seq, row.id],
      (row) => timelineEntryView(row, timeline.messages),
    );
  }
}
