import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { ApprovalView, approvalView } from './approval.view.js';
import { BulkResolveDto, CancelDto, DelegateDto, ResolveDto } from './decision.dto.js';
import { DecisionService } from './decision.service.js';
import { BulkView, bulkView } from './decision.view.js';

@ApiTags('approvals')
@ApiBearerAuth()
@Controller('api/approvals')
export class DecisionController {
  constructor(@Inject(DecisionService) private readonly decisions: DecisionService) {}

  @Post('bulk-resolve')
  @HttpCode(200)
  @Can('approvals:decide')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Decide many alike',
    description: 'Each on its own: what cannot be decided says why, and keeps no other back.',
  })
  @ApiOkResponse({ type: BulkView })
  @Problems()
  async resolveAll(@CurrentCaller() caller: Caller, @Body() body: BulkResolveDto): Promise<BulkView> {
    return bulkView(await this.decisions.resolveAll(caller, body));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Can('approvals:decide')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Decide',
    description:
      'By those who are asked, and by owners; never by whoever asked: their key, agent or member. The first decision stands. What is approved is the payload of `payloadDigest`, or with `approve_with_edits` the edited one; `approvedDigest` names it.',
  })
  @ApiOkResponse({ type: ApprovalView })
  @Problems('not_found', 'own_request', 'already_decided', 'conflict')
  async resolve(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: ResolveDto,
  ): Promise<ApprovalView> {
    return approvalView(await this.decisions.resolve(caller, id, body));
  }

  @Post(':id/delegate')
  @HttpCode(200)
  @Can('approvals:decide')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Let somebody else decide', description: 'By those who could decide it themselves.' })
  @ApiOkResponse({ type: ApprovalView })
  @Problems('not_found', 'own_request', 'already_decided')
  async delegate(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() { to }: DelegateDto,
  ): Promise<ApprovalView> {
    return approvalView(await this.decisions.delegate(caller, id, to));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Can('approvals:request')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Take a request back', description: 'By whoever asked, or an owner or admin.' })
  @ApiOkResponse({ type: ApprovalView })
  @Problems('not_found', 'already_decided')
  async cancel(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() { reason }: CancelDto,
  ): Promise<ApprovalView> {
    return approvalView(await this.decisions.cancel(caller, id, reason));
  }
}
