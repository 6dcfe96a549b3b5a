import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { notFound } from '../http/problem.js';
import { ReplayStore } from './replay.store.js';
import { DecisionReplayView, decisionReplayView } from './replay.view.js';

@ApiTags('executions')
@ApiBearerAuth()
@Controller('api/executions')
export class ReplayController {
  constructor(
    @Inject(ReplayStore) private readonly store: ReplayStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  @Get(':id/replay')
  @Can('executions:read')
  @ApiOperation({
    summary: 'How a decision came about',
    description:
      'What was known, how sure the asker was, what budgets and policy said, who approved, and what followed; all of it from the ledger and the runs.',
  })
  @ApiOkResponse({ type: DecisionReplayView })
  @Problems('not_found')
  async replay(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<DecisionReplayView> {
    const rows = await this.store.read(caller, id);
    if (!rows) throw notFound();
    const agentIds = [rows.execution, ...rows.runs].map((run) => run.agent_id);
    return decisionReplayView(rows, await this.agents.names(caller.organizationId, agentIds));
  }
}
