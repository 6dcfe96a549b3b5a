import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_TOKEN = 200;
const MAX_NAME = 200;

export class AcceptInvitationDto {
  @ApiProperty({ example: 'hin_AZmdbgAAcACAAAAA...' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_TOKEN)
  token: string;

  @ApiPropertyOptional({ example: 'laptop', description: 'Of the key; default: the name of the member' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  keyName?: string;
}

export class InvitationView {
  @ApiProperty({ format: 'uuid' })
  memberId: string;

  @ApiProperty({ example: 'hin_AZmdbgAAcACAAAAA...', description: 'To be handed to the invited; shown this once' })
  token: string;

  @ApiProperty({ format: 'date-time', description: 'Seven days from now' })
  expiresAt: string;
}
