import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsISO8601, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { PageQuery } from '../http/page.js';

const MAX_SUBJECT = 300;
const TYPE_PATTERN = /^(\*|[a-z][a-z0-9_.-]{0,98}\*?)$/;

const TYPE_HELP = 'Write a type such as budget.frozen, or its beginning and a star such as budget.*';

/** The types an event may have to be shown. */
function TypePattern(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ description: TYPE_HELP, example: 'budget.*' }),
    IsOptional(),
    Matches(TYPE_PATTERN, { message: `${TYPE_HELP}.` }),
  );
}

export class TypeFilter {
  @TypePattern()
  type?: string;
}

export class EventsQuery extends PageQuery {
  @TypePattern()
  type?: string;

  @ApiPropertyOptional({
    description: 'What it was done to: `<kind>:<id>`',
    example: 'budget:019a9d6e-0000-7000-8000-000000000000',
  })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_SUBJECT)
  subject?: string;

  @ApiPropertyOptional({ description: 'Happened at or after', example: '2026-11-21T00:00:00Z' })
  @IsOptional()
  @IsISO8601({ strict: true })
  from?: string;

  @ApiPropertyOptional({ description: 'Happened before', example: '2026-11-22T00:00:00Z' })
  @IsOptional()
  @IsISO8601({ strict: true })
  to?: string;
}

/** One event as it is answered and streamed. */
export class EventBody {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 4711, description: 'Rises with every event; decimal digits from 2^53 on' })
  seq: number | string;

  @ApiProperty({ example: 'budget.threshold_crossed' })
  type: string;

  @ApiProperty({ example: '2026-11-21T09:30:00.000Z' })
  time: string;

  @ApiProperty({ type: String, nullable: true, example: 'default', description: 'Null: an act of the organization' })
  workspace: string | null;

  @ApiProperty({ example: 'key:019a9d6e-0000-7000-8000-000000000000', description: '`key:<id>` or `system`' })
  actor: string;

  @ApiProperty({ example: 'budget:019a9d6e-0000-7000-8000-000000000000' })
  subject: string;

  @ApiProperty({ type: Object, example: { name: 'team', threshold: 90, spentUsd: '9.1' } })
  data: unknown;
}
