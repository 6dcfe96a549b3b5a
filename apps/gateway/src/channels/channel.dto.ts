import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsEmail, IsIn, IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';
import { EVENTS_DOC, EventPatterns } from '../webhooks/webhook.dto.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const MAX_ADDRESS = 254;
const SECRET = { least: 8, most: 200 };
const URL_DOC = {
  example: 'https://hooks.slack.com/services/T000/B000/XXXX',
  description: 'Of a Slack channel: its incoming webhook. Kept, and never shown again',
};
const TO_DOC = { example: 'ops@example.com', description: 'Of an email channel: one address' };
const SECRET_DOC = {
  example: '8f742231b10e8888abcd99yyyzzz85a5',
  description: 'Of a Slack app; with it, requests for approval get buttons (POST /api/slack/interactions). Never shown',
};

export class CreateChannelDto {
  @ApiProperty({ example: 'ops' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiProperty({ enum: ['slack', 'email'], example: 'email' })
  @IsIn(['slack', 'email'])
  kind: 'slack' | 'email';

  @ApiPropertyOptional(URL_DOC)
  @MayBeAbsent()
  @IsString()
  url?: string;

  @ApiPropertyOptional(TO_DOC)
  @MayBeAbsent()
  @IsEmail()
  @MaxLength(MAX_ADDRESS)
  to?: string;

  @ApiProperty(EVENTS_DOC)
  @EventPatterns()
  events: string[];

  @ApiPropertyOptional(SECRET_DOC)
  @MayBeAbsent()
  @IsString()
  @MinLength(SECRET.least)
  @MaxLength(SECRET.most)
  signingSecret?: string;
}

export class UpdateChannelDto {
  @ApiPropertyOptional({ example: 'ops' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name?: string;

  @ApiPropertyOptional(URL_DOC)
  @MayBeAbsent()
  @IsString()
  url?: string;

  @ApiPropertyOptional(TO_DOC)
  @MayBeAbsent()
  @IsEmail()
  @MaxLength(MAX_ADDRESS)
  to?: string;

  @ApiPropertyOptional(EVENTS_DOC)
  @MayBeAbsent()
  @EventPatterns()
  events?: string[];

  @ApiPropertyOptional({ ...SECRET_DOC, nullable: true, type: String })
  @MayBeNull()
  @IsString()
  @MinLength(SECRET.least)
  @MaxLength(SECRET.most)
  signingSecret?: string | null;

  @ApiPropertyOptional({ enum: ['enabled', 'disabled'], description: '`disabled` gives up what is still on its way' })
  @MayBeAbsent()
  @IsIn(['enabled', 'disabled'])
  status?: 'enabled' | 'disabled';
}
