import { Controller, Get, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { Public } from '../http/caller.guard.js';
import { UnsubscribeService } from './unsubscribe.service.js';

const HTML = 'text/html; charset=utf-8';
const PAGE = { content: { 'text/html': { schema: { type: 'string' as const } } } };

/** The link in a mail. Reading it changes nothing: mail servers do, to look for viruses. */
@ApiTags('notifications')
@Public()
@Controller('api/unsubscribe/:token')
export class UnsubscribeController {
  constructor(@Inject(UnsubscribeService) private readonly unsubscriptions: UnsubscribeService) {}

  @Get()
  @Header('content-type', HTML)
  @ApiOperation({ summary: 'Page with a button to end such mails', description: 'The token is in the mail.' })
  @ApiOkResponse(PAGE)
  @Problems('not_found')
  async look(@Param('token') token: string): Promise<string> {
    const { eventType } = await this.unsubscriptions.look(token);
    return page(`<form method="post"><button>No more mails about ${eventType}</button></form>`);
  }

  @Post()
  @HttpCode(200)
  @Header('content-type', HTML)
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'End such mails by one click (RFC 8058)', description: 'An inbox still gets them.' })
  @ApiOkResponse(PAGE)
  @Problems('not_found')
  async end(@Param('token') token: string): Promise<string> {
    const { eventType } = await this.unsubscriptions.end(token);
    return page(`<p>There will be no more mails about ${eventType}.</p>`);
  }
}

function page(content: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Houston</title>${content}\n`;
}
