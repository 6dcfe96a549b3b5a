import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';
import { IsMetadata } from '../http/json-fields.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';

const MAX_NAME = 200;
const MAX_DESCRIPTION = 4_000;

export class CreateAgentDto {
  @ApiProperty({ example: 'researcher', description: 'Unique in the organization; never changes' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiPropertyOptional({ example: 'Reads papers and writes summaries', default: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description: string = '';

  @ApiPropertyOptional({ example: { owner: 'ana' }, description: 'Any JSON object up to 16 kB', default: {} })
  @MayBeAbsent()
  @IsMetadata()
  metadata: Record<string, unknown> = {};
}

export class UpdateAgentDto {
  @ApiPropertyOptional({ example: 'Reads papers and writes summaries' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description?: string;

  @ApiPropertyOptional({ example: { owner: 'ana' }, description: 'Replaces the whole object' })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, unknown>;

  @MayBeAbsent()
  @IsIn([], { message: "An agent's name never changes, because its executions and budgets go by it." })
  name?: never;
}

export class AgentsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'A part of the name or the description' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  q?: string;
}
