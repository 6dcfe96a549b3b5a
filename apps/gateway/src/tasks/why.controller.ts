import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import type { Page } from '../http/page.js';
import { SuitableAgentsQuery } from './task-list.dto.js';
import { WhyService } from './why.service.js';
import { RankedAgentView, WhyView } from './why.view.js';

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/tasks/:id')
export class WhyController {
  constructor(@Inject(WhyService) private readonly explainer: WhyService) {}

  @Get('why')
  @Can('tasks:read')
  @ApiOperation({
    summary: 'Why nobody works on it',
    description: 'The first reason that holds, and the able agents with each term of their scores.',
  })
  @ApiOkResponse({ type: WhyView })
  @Problems('not_found')
  why(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<WhyView> {
    return this.explainer.why(caller, id);
  }

  @Get('suitable-agents')
  @Can('tasks:read')
  @ApiOperation({ summary: 'Who is able to do it, best first by a strategy' })
  @ApiPage(RankedAgentView)
  @Problems('not_found')
  async suitable(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { strategy }: SuitableAgentsQuery,
  ): Promise<Page<RankedAgentView>> {
    return { items: await this.explainer.suitable(caller, id, strategy), nextCursor: null };
  }
}
