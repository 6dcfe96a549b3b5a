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
import type { WorkspaceEntity } from '@houston/common/db/entities/workspace.entity.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { CreateWorkspaceDto, UpdateWorkspaceDto } from './workspace.dto.js';
import { WorkspaceService } from './workspace.service.js';
import { workspaceView, WorkspaceView } from './workspace.view.js';

@ApiTags('workspaces')
@ApiBearerAuth()
@Controller('api/workspaces')
export class WorkspaceController {
  constructor(@Inject(WorkspaceService) private readonly workspaces: WorkspaceService) {}

  @Post()
  @Can('workspaces:write')
  @TakesIdempotencyKey()
  @ApiOperation({ summary: 'Create a workspace', description: 'Needs a key that is bound to no workspace.' })
  @ApiCreatedResponse({ type: WorkspaceView })
  @Problems('already_exists')
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateWorkspaceDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkspaceView> {
    return answer(await this.workspaces.create(caller, body, id), reply);
  }

  @Get()
  @Can('workspaces:read')
  @ApiOperation({ summary: 'The workspaces this key reaches, in order of their slugs' })
  @ApiPage(WorkspaceView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() { limit, cursor }: PageQuery): Promise<Page<WorkspaceView>> {
    const binding = [caller.organizationId, caller.keyWorkspaceId, 'workspaces'];
    const [afterSlug = null] = readCursor(cursor, binding, 1) ?? [];
    const rows = await this.workspaces.list(caller, afterSlug, limit);
    return pageOf(rows, limit, binding, (row) => [row.slug], workspaceView);
  }

  @Get(':id')
  @Can('workspaces:read')
  @ApiOperation({ summary: 'A workspace, by slug or id' })
  @ApiOkResponse({ type: WorkspaceView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkspaceView> {
    return answer(await this.workspaces.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('workspaces:write')
  @ApiOperation({ summary: 'Change name, time zone or settings', description: 'Settings that are not named stay.' })
  @ApiOkResponse({ type: WorkspaceView })
  @Problems('not_found', 'precondition_failed')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: UpdateWorkspaceDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkspaceView> {
    return answer(await this.workspaces.update(caller, id, body, ifMatch), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Can('workspaces:write')
  @ApiOperation({
    summary: 'Delete a workspace and everything in it',
    description: 'At once and for good; only its events stay. What its running executions hold is free again.',
  })
  @ApiNoContentResponse()
  @Problems('not_found', 'default_workspace', 'precondition_failed')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.workspaces.remove(caller, id, ifMatch);
  }
}

function answer(workspace: WorkspaceEntity, reply: FastifyReply): WorkspaceView {
  void reply.header('etag', etagOf(workspace.version));
  return workspaceView(workspace);
}
