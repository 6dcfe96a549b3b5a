import { Controller, Headers, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { Public } from '../http/caller.guard.js';
import { FormBody } from '../http/form-body.js';
import { Problem } from '../http/problem.js';
import { SlackService } from './slack.service.js';

@ApiTags('channels')
@Public()
@Controller('api/slack')
export class SlackController {
  constructor(@Inject(SlackService) private readonly slack: SlackService) {}

  @Post('interactions')
  @HttpCode(200)
  @TakesIdempotencyKey()
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiOperation({
    summary: 'Where Slack sends what was answered by a button',
    description:
      'The Request URL of the Slack app’s interactivity. Needs no key: it is signed with the signing secret of the channel, ' +
      'and is refused when it is older than five minutes. The message is edited after the decision.',
  })
  @ApiOkResponse({ schema: { type: 'object', example: {} } })
  @Problems('unsupported_media_type')
  async interact(
    @Req() { body }: FastifyRequest,
    @Headers('x-slack-signature') signature: string | undefined,
    @Headers('x-slack-request-timestamp') timestamp: string | undefined,
  ): Promise<Record<string, never>> {
    if (!(body instanceof FormBody)) throw new Problem('unsupported_media_type', { detail: 'Slack sends a form.' });
    await this.slack.take({ signature, timestamp, body: body.text });
    return {};
  }
}
