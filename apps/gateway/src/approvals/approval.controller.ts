import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { ApprovalsQuery, MetricsQuery, RequestApprovalDto, WaitQuery } from './approval.dto.js';
import { ApprovalMetricsStore } from './approval-metrics.store.js';
import { ApprovalMetricsView, approvalMetricsView } from './approval-metrics.view.js';
import { ApprovalService, assigneesOf } from './approval.service.js';
import { ApprovalView, approvalView } from './approval.view.js';
import { WaitingApprovals } from './waiting-approvals.js';

const MS_PER_SECOND = 1_000;

@ApiTags('approvals')
@ApiBearerAuth()
@Controller('api/approvals')
export class ApprovalController {
  constructor(
    @Inject(ApprovalService) private readonly approvals: ApprovalService,
    @Inject(WaitingApprovals) private readonly waiting: WaitingApprovals,
    @Inject(ApprovalMetricsStore) private readonly velocity: ApprovalMetricsStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  @Post()
  @Can('approvals:request')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Ask before acting',
    description:
      'The policy of the workspace answers at once: `auto_approved` needs nobody, `pending` waits for those who are asked, `blocked` for an owner, whoever was named. High risk or little confidence is blocked; medium or external, and whatever is not sure, is pending. A task in the inbox waits with it; an agent at work keeps its task.',
  })
  @ApiBody({
    type: RequestApprovalDto,
    examples: {
      email: {
        summary: 'An act that reaches somebody outside',
        value: {
          subject: { action: 'send_email' },
          description: 'Send the quarterly report to all customers',
          risk: 'medium',
          confidence: 72,
          isExternal: true,
          payload: { to: 'all-customers', subject: 'Q3' },
          assignees: [{ role: 'admin' }],
          onTimeout: 'escalate',
        },
      },
      routine: {
        summary: 'One that the policy lets pass',
        value: { subject: { action: 'rename_file' }, description: 'Rename draft.md', risk: 'low', confidence: 95 },
      },
    },
  })
  @ApiCreatedResponse({ type: ApprovalView })
  @Problems('approval_pending', 'conflict')
  async request(
    @CurrentCaller() caller: Caller,
    @Body() body: RequestApprovalDto,
    @NewId() id: CreationId,
  ): Promise<ApprovalView> {
    return approvalView(await this.approvals.request(caller, body, id));
  }

  @Get()
  @Can('approvals:read')
  @ApiOperation({ summary: 'Approvals, newest first' })
  @ApiPage(ApprovalView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: ApprovalsQuery): Promise<Page<ApprovalView>> {
    const { limit, cursor, assignee, ...filter } = query;
    const assignees = assignee === undefined ? undefined : assigneesOf(caller);
    const binding = [caller.workspaceId, 'approvals', { assignees, ...filter }];
    const after = readCursor(cursor, binding, 2);
    const rows = await this.approvals.list(caller, { ...filter, assignees, after, limit });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], approvalView);
  }

  @Get('metrics')
  @Can('approvals:read')
  @ApiOperation({
    summary: 'How fast decisions are made',
    description: 'Of decisions by people and agents; what the policy or a deadline decided is left out.',
  })
  @ApiOkResponse({ type: ApprovalMetricsView })
  @Problems()
  async metrics(@CurrentCaller() caller: Caller, @Query() { days }: MetricsQuery): Promise<ApprovalMetricsView> {
    const velocity = await this.velocity.read(caller, days);
    const agentIds = [
      ...velocity.byAgent.map((row) => row.agent_id),
      ...velocity.byApprover.flatMap(({ approver }) => (approver.startsWith('agent:') ? [approver.slice(6)] : [])),
    ];
    return approvalMetricsView(velocity, await this.agents.names(caller.organizationId, agentIds));
  }

  @Get(':id')
  @Can('approvals:read')
  @ApiOperation({
    summary: 'An approval',
    description: 'With `wait` the answer comes when it is decided, or as it is when the time is over.',
  })
  @ApiOkResponse({ type: ApprovalView })
  @Problems('not_found', 'overloaded')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { wait }: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApprovalView> {
    const look = async () => {
      const found = await this.approvals.find(caller, id);
      return { found, isDecided: found.status !== 'pending' };
    };
    if (wait === 0) return approvalView((await look()).found);
    return approvalView(await this.waiting.wait(id, wait * MS_PER_SECOND, hangUpOf(reply), look));
  }
}

/** Aborted when the connection is closed before it was answered. */
function hangUpOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
