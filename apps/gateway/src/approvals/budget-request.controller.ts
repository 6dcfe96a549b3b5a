import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { ApprovalView, approvalView } from './approval.view.js';
import { BudgetRequestService } from './budget-request.service.js';
import { RequestRaiseDto, RequestUnfreezeDto } from './decision.dto.js';

@ApiTags('approvals')
@ApiBearerAuth()
@Controller('api')
export class BudgetRequestController {
  constructor(@Inject(BudgetRequestService) private readonly requests: BudgetRequestService) {}

  @Post('executions/:id/request-raise')
  @Can('approvals:request')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Ask for more money after a denial',
    description:
      'Always waits for an owner or admin. When it is granted, the budget that refused allows so much more for that time; ask for admission again, under the same Idempotency-Key if you like.',
  })
  @ApiCreatedResponse({ type: ApprovalView })
  @Problems('not_found', 'execution_not_denied', 'approval_pending', 'conflict')
  async requestRaise(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: RequestRaiseDto,
    @NewId() approvalId: CreationId,
  ): Promise<ApprovalView> {
    return approvalView(await this.requests.requestRaise(caller, id, body, approvalId));
  }

  @Post('budgets/:id/request-unfreeze')
  @Can('approvals:request')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Ask for a frozen budget to be thawed',
    description: 'Always waits for an owner or admin.',
  })
  @ApiCreatedResponse({ type: ApprovalView })
  @Problems('not_found', 'approval_pending', 'conflict')
  async requestUnfreeze(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() { reason }: RequestUnfreezeDto,
    @NewId() approvalId: CreationId,
  ): Promise<ApprovalView> {
    return approvalView(await this.requests.requestUnfreeze(caller, id, reason, approvalId));
  }
}
