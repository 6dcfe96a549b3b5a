import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsISO8601, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { type Role, ROLES } from '@houston/common/auth/roles.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const INSTANT = /T.*(Z|[+-]\d\d:?\d\d)$/i;

export class CreateKeyDto {
  @ApiProperty({ example: 'crawler on host 7' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiProperty({ enum: ROLES, example: 'agent' })
  @IsIn(ROLES)
  role: Role;

  @ApiPropertyOptional({ example: 'research', description: 'Slug or id it is bound to; default: as the calling key' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  workspace?: string;

  @ApiPropertyOptional({ example: 'researcher', description: 'Name or id of the only agent it may act for' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      'Id of the member whose key it is. It is bound to their workspace, and does no more than both its role and theirs allow',
  })
  @MayBeAbsent()
  @IsUUID('all')
  member?: string;

  @ApiPropertyOptional({ format: 'date-time', example: '2027-01-01T00:00:00Z', description: 'Default: never' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  @Matches(INSTANT, { message: 'Give a time with its zone, such as 2027-01-01T00:00:00Z.' })
  expiresAt?: string;
}

export class KeysQuery extends PageQuery {
  @ApiPropertyOptional({ default: false, description: 'Revoked ones too' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  includeRevoked: boolean = false;
}
