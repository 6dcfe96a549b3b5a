import { Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { Problem } from '../http/problem.js';
import { AnswersWithSecret } from '../http/sealed-answer.js';
import { ConnectQuery } from './connect.dto.js';
import { SERVER_FRAMES } from './frame-examples.js';
import { TicketService } from './ticket.service.js';

class ConnectTicketView {
  @ApiProperty({ example: 'hct_0199b0a4c1d27000a1b2c3d4e5f60718_5Zt…', description: 'Good for one connection' })
  ticket: string;

  @ApiProperty({ format: 'date-time' })
  expiresAt: string;

  @ApiProperty({ example: '/api/agents/connect?ticket=hct_…', description: 'Where to connect to, on this host' })
  path: string;
}

@ApiTags('work')
@ApiBearerAuth()
@Controller('api/agents')
export class ConnectController {
  constructor(@Inject(TicketService) private readonly tickets: TicketService) {}

  @Post(':id/connect-ticket')
  @AnswersWithSecret()
  @Can('tasks:work')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Make a ticket for one WebSocket',
    description:
      'For clients that cannot send headers, such as browsers: `wss://…/api/agents/connect?ticket=…`. It opens one connection, within 60 s, for this agent in this workspace. By id or name.',
  })
  @ApiCreatedResponse({ type: ConnectTicketView })
  @Problems('not_found')
  async ticket(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectTicketView> {
    const { ticket, expiresAt } = await this.tickets.create(caller, id);
    return { ticket, expiresAt: expiresAt.toISOString(), path: `/api/agents/connect?ticket=${ticket}` };
  }

  @Get('connect')
  @Can('tasks:work')
  @ApiOperation({
    summary: 'Connect an agent by WebSocket',
    description:
      'Text frames of JSON `{type, ...}`; docs/agents.md has an example of each. The agent says `hello`, `ack`, `heartbeat`, `result`, `fail`, `block` and `release`; Houston says `ready`, `task`, `heartbeat.ok`, `result.ok`, `error`, `pause`, `resume` and `closing`. Without an upgrade to WebSocket the answer is 426.',
  })
  @ApiResponse({
    status: 101,
    description: 'Say hello within 10 s',
    content: {
      'application/json': {
        schema: { type: 'object', required: ['type'], properties: { type: { type: 'string' } } },
        examples: Object.fromEntries(SERVER_FRAMES.map((value) => [value['type'], { value }])),
      },
    },
  })
  @Problems('upgrade_required')
  connect(@Query() _query: ConnectQuery): never {
    throw new Problem('upgrade_required', { detail: 'Connect to this address by WebSocket.' });
  }
}
