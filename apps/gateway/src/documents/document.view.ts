import { ApiProperty } from '@nestjs/swagger';
import { Author } from '../authors/author.js';
import { DOCUMENT_TYPES, type DocumentRow, type DocumentVersionRow } from './document.row.js';

export class DocumentSummaryView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  taskId: string | null;

  @ApiProperty({ enum: DOCUMENT_TYPES })
  type: string;

  @ApiProperty({ example: 'Figures for Q3' })
  title: string;

  @ApiProperty({ example: 1, description: 'Rises with every change' })
  version: number;

  @ApiProperty({ type: Author, description: 'Who began it' })
  author: Author;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class DocumentView extends DocumentSummaryView {
  @ApiProperty({ example: '# Q3\n\nAll is well.' })
  body: string;
}

export class DocumentVersionView {
  @ApiProperty({ example: 1 })
  version: number;

  @ApiProperty({ enum: DOCUMENT_TYPES })
  type: string;

  @ApiProperty({ example: 'Figures for Q3' })
  title: string;

  @ApiProperty({ example: '# Q3\n\nAll is well.' })
  body: string;

  @ApiProperty({ type: Author, description: 'Who wrote this version' })
  author: Author;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;
}

export function documentSummaryView(row: DocumentRow): DocumentSummaryView {
  return {
    ...{ id: row.id, taskId: row.task_id, type: row.type, title: row.title, version: row.version, author: row.author },
    ...{ createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString() },
  };
}

export function documentView(row: DocumentRow & { body: string }): DocumentView {
  return { ...documentSummaryView(row), body: row.body };
}

export function documentVersionView(row: DocumentVersionRow): DocumentVersionView {
  const { version, type, title, body, author } = row;
  return { version, type, title, body, author, createdAt: row.created_at.toISOString() };
}
