import { ApiProperty, ApiPropertyOptional, OmitType, PartialType } from '@nestjs/swagger';
import { IsByteLength, IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { DOCUMENT_TYPES, type DocumentType } from './document.row.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_TITLE = 500;
const MAX_BODY_BYTES = 1_048_576;

export class CreateDocumentDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'The task it belongs to, and for which it is evidence' })
  @MayBeAbsent()
  @IsUUID()
  taskId?: string;

  @ApiProperty({ enum: DOCUMENT_TYPES })
  @IsIn(DOCUMENT_TYPES)
  type: DocumentType;

  @ApiProperty({ example: 'Figures for Q3' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TITLE)
  title: string;

  @ApiProperty({ example: '# Q3\n\nAll is well.', description: `Markdown, at most ${MAX_BODY_BYTES} bytes` })
  @IsString()
  @IsByteLength(0, MAX_BODY_BYTES)
  body: string;
}

/** What is named changes. A document stays with its task. */
export class UpdateDocumentDto extends PartialType(OmitType(CreateDocumentDto, ['taskId'] as const), {
  skipNullProperties: false,
}) {}

export class DocumentsQuery extends PageQuery {
  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  taskId?: string;

  @ApiPropertyOptional({ enum: DOCUMENT_TYPES })
  @IsOptional()
  @IsIn(DOCUMENT_TYPES)
  type?: DocumentType;
}
