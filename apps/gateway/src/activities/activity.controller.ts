import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { invalid } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { ActivitiesQuery } from './activity.dto.js';
import { ActivityStore } from './activity.store.js';
import { activityView, ActivityView } from './activity.view.js';

@ApiTags('activities')
@ApiBearerAuth()
@Controller('api/activities')
export class ActivityController {
  constructor(@Inject(ActivityStore) private readonly store: ActivityStore) {}

  @Get()
  @Can('events:read')
  @ApiOperation({
    summary: 'What happened on the board, newest first',
    description:
      'The events of the workspace with the names of whoever did it, of the task and of the agent. The runs of agents are ' +
      'left out unless `type` asks for them (`execution.*`, `*`).',
  })
  @ApiPage(ActivityView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: ActivitiesQuery): Promise<Page<ActivityView>> {
    const { limit, cursor, from, to, taskId, agentId, type } = query;
    const filter = {
      ...{ type, from: timeOf('from', from), to: timeOf('to', to) },
      ...{ taskId: taskId?.toLowerCase(), agentId: agentId?.toLowerCase() },
    };
    const binding = [caller.workspaceId, 'activities', filter];
    const [before] = readCursor(cursor, binding, 1) ?? [];
    if (before !== undefined && !/^\d{1,18}$/.test(before)) throw invalid('cursor', 'Use the nextCursor of a page.');
    const rows = await this.store.list(caller, { ...filter, before, limit });
    return pageOf(rows, limit, binding, (row) => [row.seq], activityView);
  }
}

function timeOf(name: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : timeParam(name, text).toJSDate().toISOString();
}
