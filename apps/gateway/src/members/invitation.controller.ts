import { Body, Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller, type HoustonRequest } from '../http/caller.js';
import { Can, Public } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { AnswersWithSecret } from '../http/sealed-answer.js';
import { CreatedKeyView, keyView } from '../keys/key.view.js';
import { AcceptInvitationDto, InvitationView } from './invitation.dto.js';
import { InvitationService } from './invitation.service.js';

@ApiTags('members')
@Controller('api')
export class InvitationController {
  constructor(@Inject(InvitationService) private readonly invitations: InvitationService) {}

  @Post('members/:id/invitation')
  @AnswersWithSecret()
  @Can('members:write')
  @ApiBearerAuth()
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Make an invitation to hand over',
    description:
      'It holds for seven days and once; a new one takes the place of the last. Houston sends it to nobody: whoever has ' +
      'it gets a key.',
  })
  @ApiCreatedResponse({ type: InvitationView })
  @Problems('not_found', 'conflict')
  async invite(@CurrentCaller() caller: Caller, @Param('id', idParam) memberId: string): Promise<InvitationView> {
    const { token, expiresAt } = await this.invitations.renew(caller, memberId);
    return { memberId, token, expiresAt: expiresAt.toISOString() };
  }

  @Post('invitations/accept')
  @Public()
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Accept an invitation',
    description:
      'Without a key: the invitation is what is presented, and the key comes back, shown this once. Wrong ones are counted ' +
      'like all failed authentications. An Idempotency-Key means nothing here, as an invitation holds once.',
  })
  @ApiCreatedResponse({ type: CreatedKeyView })
  @Problems('too_many_failures')
  async accept(
    @Body() { token, keyName }: AcceptInvitationDto,
    @Req() request: HoustonRequest,
  ): Promise<CreatedKeyView> {
    const { key, row } = await this.invitations.accept(token, keyName, request.ip);
    return { ...keyView(row), key };
  }
}
