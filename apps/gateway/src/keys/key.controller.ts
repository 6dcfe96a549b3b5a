import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import {
  ApiBody,
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { AnswersWithSecret } from '../http/sealed-answer.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateKeyDto, KeysQuery } from './key.dto.js';
import { KeyService } from './key.service.js';
import { CreatedKeyView, keyView, KeyView } from './key.view.js';

@ApiTags('keys')
@ApiBearerAuth()
@Controller('api/keys')
export class KeyController {
  constructor(@Inject(KeyService) private readonly keys: KeyService) {}

  @Post()
  @AnswersWithSecret()
  @Can('keys:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateKeyDto,
    examples: {
      reader: {
        summary: 'That only reads, for a time',
        value: { name: 'wall display', role: 'viewer', expiresAt: '2036-01-01T00:00:00Z' },
      },
      agent: { summary: 'Of one agent', value: { name: 'crawler on host 7', role: 'agent', agent: 'researcher' } },
      member: {
        summary: 'Of a person',
        value: { name: 'laptop', role: 'admin', member: '3fa85f64-5717-4562-b3fc-2c963f66afa6' },
      },
      workspace: {
        summary: 'Of one workspace',
        value: { name: 'research agents', role: 'agent', workspace: 'research' },
      },
    },
  })
  @ApiOperation({
    summary: 'Create an API key',
    description: 'The key is shown this once; only its hash is kept. An admin makes no owners.',
  })
  @ApiCreatedResponse({ type: CreatedKeyView })
  @Problems('unknown_agent')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateKeyDto,
    @NewId() id: CreationId,
  ): Promise<CreatedKeyView> {
    const { key, row } = await this.keys.create(caller, body, id);
    return { ...keyView(row), key };
  }

  @Get()
  @Can('keys:read')
  @ApiOperation({
    summary: 'Keys, in order of creation',
    description: 'All of the organization; for a key that is bound to a workspace, those bound to the same one.',
  })
  @ApiPage(KeyView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: KeysQuery): Promise<Page<KeyView>> {
    const { limit, cursor, includeRevoked } = query;
    const binding = [caller.organizationId, caller.keyWorkspaceId, 'keys', includeRevoked];
    const rows = await this.keys.list(caller, { includeRevoked, after: readCursor(cursor, binding, 2), limit });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], keyView);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('keys:write')
  @ApiOperation({ summary: 'Revoke a key', description: 'It stops working at once, in every process.' })
  @ApiNoContentResponse()
  @Problems('not_found', 'last_owner')
  revoke(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<void> {
    return this.keys.revoke(caller, id);
  }
}
