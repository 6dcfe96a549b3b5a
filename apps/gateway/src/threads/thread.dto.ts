import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsString, IsUUID, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_BODY = 65_536;
const MAX_ATTACHMENTS = 20;
const MAX_NAME = 200;

export class PostMessageDto {
  @ApiProperty({
    example: 'The figures are in. @reviewer, please have a look.',
    description: 'Markdown, at most 65,536 characters. `@name` mentions an agent or a member, outside of code',
  })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_BODY)
  body: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'A message of the same task' })
  @MayBeAbsent()
  @IsUUID()
  replyTo?: string;

  @ApiPropertyOptional({ type: [String], format: 'uuid', maxItems: MAX_ATTACHMENTS, description: 'Documents' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_ATTACHMENTS)
  @IsUUID(undefined, { each: true })
  attachments?: string[];
}

/** Somebody else than the key's own agent or member. */
export class SubscriberDto {
  @ApiPropertyOptional({ example: 'researcher', description: 'Name or id of an agent' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Id of a member' })
  @MayBeAbsent()
  @IsUUID()
  member?: string;
}
