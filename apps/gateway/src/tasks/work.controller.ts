import { Body, Controller, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { REASON_HEADER } from '../http/replayed-answer.js';
import { ClaimService } from './claim.service.js';
import {
  agentIdsOf,
  ClaimedView,
  HeartbeatView,
  leaseView,
  taskView,
  TaskView,
  type TaskWithEdges,
} from './task.view.js';
import { BlockDto, ClaimQuery, CompleteDto, FailDto, HeartbeatDto, ReleaseDto } from './work.dto.js';
import type { Moved } from './lease-acts.js';
import { WorkService } from './work.service.js';

@ApiTags('work')
@ApiBearerAuth()
@Controller('api')
export class WorkController {
  constructor(
    @Inject(ClaimService) private readonly claims: ClaimService,
    @Inject(WorkService) private readonly work: WorkService,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  @Post('agents/:id/claim')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Ask for the next task',
    description:
      'Waits up to `wait` seconds for one. The answer is the acknowledgement: the task is in progress and its lease runs. 204 names the reason in the header `Houston-Reason`: `none`, `at_capacity` or `paused`; the last two answer at once.',
  })
  @ApiOkResponse({ type: ClaimedView })
  @ApiNoContentResponse({
    description: 'No task',
    headers: { 'Houston-Reason': { schema: { type: 'string', enum: ['none', 'at_capacity', 'paused'] } } },
  })
  @Problems('not_found')
  async claim(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: ClaimQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ClaimedView | undefined> {
    const answer = await this.claims.claim(caller, id, query.wait, hangUpOf(reply));
    if (answer.kind === 'empty') {
      void reply.status(204).header(REASON_HEADER, answer.reason);
      return undefined;
    }
    return { task: await this.viewOf(caller, answer.task), lease: leaseView(answer.task) };
  }

  @Post('tasks/:id/heartbeat')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Extend the lease',
    description: 'May carry a checkpoint and cumulative usage. `continue: false` means: stop now.',
  })
  @ApiOkResponse({ type: HeartbeatView })
  @Problems('not_found', 'lease_lost', 'execution_not_running')
  heartbeat(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: HeartbeatDto,
  ): Promise<HeartbeatView> {
    return this.work.heartbeat(caller, id, body);
  }

  @Post('tasks/:id/complete')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Report success',
    description: 'Needs a result or evidence, in the shape of `outputSchema` where the task has one.',
  })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'lease_lost', 'evidence_required', 'output_schema_mismatch')
  async complete(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: CompleteDto,
  ): Promise<TaskView> {
    return this.view(caller, await this.work.complete(caller, id, body, true));
  }

  @Post('tasks/:id/fail')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Report a failure',
    description:
      '`transient` is tried again by the retry policy, `permanent` goes to the dead letters, `quota` consumes no attempt and parks the provider until `resetsAt`.',
  })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'lease_lost')
  async fail(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: FailDto,
  ): Promise<TaskView> {
    return this.view(caller, await this.work.fail(caller, id, body, true));
  }

  @Post('tasks/:id/block')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Say what stands in the way', description: 'Ends the lease; the attempt is not counted.' })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'lease_lost', 'blocker_reason_required')
  async block(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: BlockDto,
  ): Promise<TaskView> {
    return this.view(caller, await this.work.block(caller, id, body, true));
  }

  @Post('tasks/:id/release')
  @HttpCode(200)
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Give the task back', description: 'It can be taken at once; the attempt is not counted.' })
  @ApiOkResponse({ type: TaskView })
  @Problems('not_found', 'lease_lost')
  async release(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: ReleaseDto,
  ): Promise<TaskView> {
    return this.view(caller, await this.work.release(caller, id, body, true));
  }

  private async view(caller: Caller, { id, row }: Moved): Promise<TaskView> {
    if (row === null) throw new Error(`Task ${id} vanished`);
    return this.viewOf(caller, row);
  }

  private async viewOf(caller: Caller, row: TaskWithEdges): Promise<TaskView> {
    return taskView(row, await this.agents.names(caller.organizationId, agentIdsOf([row])));
  }
}

/** Aborted when the connection is closed before it was answered: nobody would learn of a task taken for it. */
function hangUpOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
