import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { EventTail } from '@houston/common/events/event-tail.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller, type HoustonRequest } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { Farewell } from '../http/farewell.js';
import { Problem } from '../http/problem.js';
import { streamEvents } from './event-stream.js';
import { Listeners } from './listeners.js';
import { StreamQuery } from './stream.dto.js';

const MAX_STREAMS = 1_000;
const SSE_EXAMPLE =
  'id: 4711\nevent: budget.frozen\ndata: {"id":"…","seq":4711,"type":"budget.frozen","time":"…","workspace":"default",' +
  '"actor":"key:…","subject":"budget:…","data":{}}\n\n';

@ApiTags('events')
@ApiBearerAuth()
@Controller('api/events')
export class StreamController {
  constructor(
    @Inject(EventTail) private readonly tail: EventTail,
    @Inject(Listeners) private readonly listeners: Listeners,
    @Inject(Farewell) private readonly farewell: Farewell,
  ) {}

  @Get('stream')
  @Can('events:read')
  @ApiOperation({
    summary: 'What happens, while it happens',
    description:
      'Server-sent events, each once and in the order of the ledger, with a comment every 15 s of silence. A client that ' +
      'comes back with `Last-Event-ID` continues without gap or repetition. Ends when the key is revoked or expires.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The seq of the last event that was seen; 0: begin with the first',
  })
  @ApiOkResponse({
    description: '`id` is the seq, `event` the type, `data` the envelope',
    content: { 'text/event-stream': { schema: { type: 'string', example: SSE_EXAMPLE } } },
  })
  @Problems('overloaded')
  async stream(
    @CurrentCaller() caller: Caller,
    @Query() query: StreamQuery,
    @Req() request: HoustonRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (this.tail.size >= MAX_STREAMS) {
      throw new Problem('overloaded', { detail: 'Too many listen already.', retryAfterSeconds: 5 });
    }
    const subscription = await this.tail.subscribe({
      organizationId: caller.organizationId,
      workspaceId: caller.workspaceId,
      withOrganization: caller.keyWorkspaceId === null,
      accepts: accepts(query.type),
      afterSeq: lastEventId(request) ?? query.lastEventId,
    });
    if (this.farewell.begun) {
      subscription.close();
      throw new Problem('unavailable', { detail: 'This gateway is stopping.', retryAfterSeconds: 1 });
    }
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': request.id,
    });
    await streamEvents({
      subscription,
      response: reply.raw,
      workspaceSlug: caller.workspace.slug,
      mayListen: this.listeners.check(request, caller),
    });
  }
}

function lastEventId(request: HoustonRequest): string | undefined {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

function accepts(pattern: string | undefined): ((event: LedgerEvent) => boolean) | undefined {
  if (pattern === undefined || pattern === '*') return undefined;
  if (!pattern.endsWith('*')) return (event) => event.type === pattern;
  const beginning = pattern.slice(0, -1);
  return (event) => event.type.startsWith(beginning);
}
