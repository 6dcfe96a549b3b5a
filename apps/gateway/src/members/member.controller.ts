import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateMemberDto, MembersQuery, UpdateMemberDto } from './member.dto.js';
import type { MemberRow } from './member.row.js';
import { MemberService } from './member.service.js';
import { memberView, MemberView } from './member.view.js';

@ApiTags('members')
@ApiBearerAuth()
@Controller('api/members')
export class MemberController {
  constructor(@Inject(MemberService) private readonly members: MemberService) {}

  @Post()
  @Can('members:write')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Invite a person into the workspace',
    description:
      'Invited until there is a key for them: POST /api/members/{id}/invitation lets them fetch one, POST /api/keys with ' +
      '`member` makes one. An admin makes no owners. Somebody who works ' +
      'in two workspaces is a member of each, with a role in each.',
  })
  @ApiCreatedResponse({ type: MemberView })
  @Problems('already_exists')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateMemberDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberView> {
    return answer(await this.members.create(caller, body, id), reply);
  }

  @Get()
  @Can('members:read')
  @ApiOperation({ summary: 'Members of the workspace, in order of their invitation' })
  @ApiPage(MemberView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: MembersQuery): Promise<Page<MemberView>> {
    const { limit, cursor, role } = query;
    const binding = [caller.workspaceId, 'members', role];
    const rows = await this.members.list(caller, { role, after: readCursor(cursor, binding, 2), limit });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], memberView);
  }

  @Get(':id')
  @Can('members:read')
  @ApiOperation({ summary: 'A member' })
  @ApiOkResponse({ type: MemberView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberView> {
    return answer(await this.members.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('members:write')
  @ApiOperation({
    summary: 'Change name, address or role',
    description: 'A new role counts at once, for every key of the member. The last owner keeps theirs.',
  })
  @ApiOkResponse({ type: MemberView })
  @Problems('not_found', 'precondition_failed', 'already_exists', 'last_owner')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateMemberDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberView> {
    return answer(await this.members.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('members:write')
  @ApiOperation({
    summary: 'Remove a member',
    description: 'Their keys stop at once and their address is forgotten; what they did stays on record.',
  })
  @ApiNoContentResponse()
  @Problems('not_found', 'last_owner')
  remove(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<void> {
    return this.members.remove(caller, id);
  }
}

function answer(member: MemberRow, reply: FastifyReply): MemberView {
  void reply.header('etag', etagOf(member.version));
  return memberView(member);
}
