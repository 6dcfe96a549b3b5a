import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { eventView, type EventView } from '@houston/common/events/event.view.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { invalid } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { EventBody, EventsQuery } from './event.dto.js';
import { EventStore } from './event.store.js';

@ApiTags('events')
@ApiBearerAuth()
@Controller('api/events')
export class EventController {
  constructor(@Inject(EventStore) private readonly store: EventStore) {}

  @Get()
  @Can('events:read')
  @ApiOperation({
    summary: 'What happened, newest first',
    description:
      'The ledger of the workspace. Keys of the whole organization see the acts of the organization as well, such as ' +
      'alerts of its budgets.',
  })
  @ApiPage(EventBody)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: EventsQuery): Promise<Page<EventView>> {
    const { limit, cursor, from, to, ...rest } = query;
    const filter = { ...rest, from: timeOf('from', from), to: timeOf('to', to) };
    const shared = caller.keyWorkspaceId === null;
    const binding = [caller.workspaceId, 'events', shared, filter];
    const [before] = readCursor(cursor, binding, 1) ?? [];
    if (before !== undefined && !/^\d{1,18}$/.test(before)) throw invalid('cursor', 'Use the nextCursor of a page.');
    const events = await this.store.list(caller, shared, { ...filter, before, limit });
    return pageOf(
      events,
      limit,
      binding,
      (event) => [event.seq],
      (event) => eventView(event, caller.workspace.slug),
    );
  }
}

function timeOf(name: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : timeParam(name, text).toJSDate().toISOString();
}
