import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { durationMs } from '@houston/common/config/duration.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { invalid } from '../http/problem.js';
import { GraphQuery } from './graph.dto.js';
import { GraphStore } from './graph.store.js';
import { edgeView, GraphView, nodeView } from './graph.view.js';

@ApiTags('office')
@ApiBearerAuth()
@Controller('api/office')
export class GraphController {
  constructor(@Inject(GraphStore) private readonly store: GraphStore) {}

  @Get('graph')
  @Can('dashboard:read')
  @ApiOperation({
    summary: 'Who deals with whom',
    description:
      'Agents with their status, and what passed between them within the window: mentions, replies, delegations and ' +
      'notifications, each with the ids that prove it.',
  })
  @ApiOkResponse({ type: GraphView })
  @Problems()
  async graph(@CurrentCaller() caller: Caller, @Query() { window, taskId }: GraphQuery): Promise<GraphView> {
    const duration = durationMs(window);
    if (!duration.ok) throw invalid('window', `It ${duration.wrong}: ${duration.mend}.`);
    const question = { windowMs: duration.value, taskId: taskId?.toLowerCase() ?? null };
    const { nodes, edges } = await this.store.read(caller, question);
    return { window, nodes: nodes.map(nodeView), edges: edges.map(edgeView) };
  }
}
