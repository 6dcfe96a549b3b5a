import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsEmail, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { MEMBER_ROLES, type MemberRole } from '@houston/common/auth/roles.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const MAX_EMAIL = 254;
const EMAIL_RULE = 'Give an address such as ada@example.com.';
/** Houses without a domain of their own write to ada@localhost. */
const EMAIL_OPTIONS = { require_tld: false };

export class CreateMemberDto {
  @ApiProperty({ example: 'ada@example.com', description: 'Once in each workspace, whatever its capitals' })
  @IsEmail(EMAIL_OPTIONS, { message: EMAIL_RULE })
  @MaxLength(MAX_EMAIL)
  email: string;

  @ApiProperty({ example: 'Ada' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiProperty({ enum: MEMBER_ROLES, example: 'member' })
  @IsIn(MEMBER_ROLES)
  role: MemberRole;
}

export class UpdateMemberDto {
  @ApiPropertyOptional({ example: 'ada@example.com' })
  @MayBeAbsent()
  @IsEmail(EMAIL_OPTIONS, { message: EMAIL_RULE })
  @MaxLength(MAX_EMAIL)
  email?: string;

  @ApiPropertyOptional({ example: 'Ada' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name?: string;

  @ApiPropertyOptional({ enum: MEMBER_ROLES, example: 'admin' })
  @MayBeAbsent()
  @IsIn(MEMBER_ROLES)
  role?: MemberRole;
}

export class MembersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: MEMBER_ROLES })
  @IsOptional()
  @IsIn(MEMBER_ROLES)
  role?: MemberRole;
}
