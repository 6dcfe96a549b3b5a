import { Body, Controller, Get, Headers, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type CreationId, NewId } from '../http/creation-id.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { ApiPage } from '../http/page-answer.js';
import { type Page, pageOf, PageQuery, readCursor } from '../http/page.js';
import { CreateDocumentDto, DocumentsQuery, UpdateDocumentDto } from './document.dto.js';
import { DocumentService } from './document.service.js';
import {
  documentSummaryView,
  DocumentSummaryView,
  documentVersionView,
  DocumentVersionView,
  documentView,
  DocumentView,
} from './document.view.js';

@ApiTags('documents')
@ApiBearerAuth()
@Controller('api/documents')
export class DocumentController {
  constructor(@Inject(DocumentService) private readonly documents: DocumentService) {}

  @Post()
  @Can('documents:write')
  @TakesIdempotencyKey()
  @ApiBody({
    type: CreateDocumentDto,
    examples: {
      deliverable: { value: { type: 'deliverable', title: 'Figures for Q3', body: '# Q3\n\nAll is well.' } },
      ofTask: {
        summary: 'Of a task',
        value: {
          taskId: '3fa85f64-5717-4562-b3fc-2c963f66afa6',
          type: 'note',
          title: 'Sources',
          body: '- the annual report',
        },
      },
    },
  })
  @ApiOperation({
    summary: 'Write something down',
    description: 'With a `taskId` it belongs to the task: it may be reviewed and done with the document as evidence.',
  })
  @ApiCreatedResponse({ type: DocumentView })
  @Problems()
  async create(
    @CurrentCaller() caller: Caller,
    @Body() body: CreateDocumentDto,
    @NewId() id: CreationId,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DocumentView> {
    return answer(await this.documents.create(caller, body, id), reply);
  }

  @Get()
  @Can('documents:read')
  @ApiOperation({ summary: 'Documents without their texts, newest first' })
  @ApiPage(DocumentSummaryView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: DocumentsQuery): Promise<Page<DocumentSummaryView>> {
    const { limit, cursor, ...filter } = query;
    const binding = [caller.workspaceId, 'documents', filter];
    const rows = await this.documents.list(caller, { ...filter, after: readCursor(cursor, binding, 2), limit });
    return pageOf(rows, limit, binding, (row) => [row.sort_key, row.id], documentSummaryView);
  }

  @Get(':id')
  @Can('documents:read')
  @ApiOperation({ summary: 'The present version of a document' })
  @ApiOkResponse({ type: DocumentView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DocumentView> {
    return answer(await this.documents.find(caller, id), reply);
  }

  @Patch(':id')
  @Can('documents:write')
  @ApiOperation({ summary: 'Write a new version', description: 'What is named changes; the versions before it stay.' })
  @ApiOkResponse({ type: DocumentView })
  @Problems('not_found', 'precondition_failed', 'conflict')
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: UpdateDocumentDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DocumentView> {
    return answer(await this.documents.update(caller, id, body, ifMatch), reply);
  }

  @Get(':id/versions')
  @Can('documents:read')
  @ApiOperation({
    summary: 'Every version of a document, latest first',
    description: 'A page has fewer than `limit` where the texts are long.',
  })
  @ApiPage(DocumentVersionView)
  @Problems('not_found')
  async versions(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<DocumentVersionView>> {
    const binding = [caller.workspaceId, 'document versions', id];
    const [below] = readCursor(cursor, binding, 1) ?? [];
    const page = await this.documents.versions(caller, id, below === undefined ? null : Number(below), limit);
    return pageOf(page.rows, page.limit, binding, (row) => [String(row.version)], documentVersionView);
  }
}

function answer(row: Parameters<typeof documentView>[0], reply: FastifyReply): DocumentView {
  void reply.header('etag', etagOf(row.version));
  return documentView(row);
}
