import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { NOTIFICATION_CHANNELS, type NotificationChannel } from '@houston/common/domain/notification-plan.js';
import { isEventPattern } from '@houston/common/webhooks/event-pattern.js';
import { IsTimeZone } from '../http/json-fields.js';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';

const MAX_RULES = 100;
const LONGEST_DIGEST_SECONDS = 86_400;
const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$/;
const CLOCK_RULE = { message: 'Give a time of day such as 22:00.' };

export class PreferenceRuleDto {
  @ApiProperty({ example: 'task.*', description: '`*`, `noun.*` or a type; the most particular rule counts' })
  @ValidateBy({
    name: 'isEventPattern',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isEventPattern(value),
      defaultMessage: () => 'Use "*", "noun.*" or an event type such as "task.blocked".',
    },
  })
  event: string;

  @ApiPropertyOptional({
    enum: NOTIFICATION_CHANNELS,
    isArray: true,
    example: ['inbox'],
    description: 'Instead of the usual ones: inbox and mail, or what whoever asks wants',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayUnique()
  @IsIn(NOTIFICATION_CHANNELS, { each: true })
  channels?: NotificationChannel[];

  @ApiPropertyOptional({ default: false, description: 'Nothing of it; what is critical comes all the same' })
  @MayBeAbsent()
  @IsBoolean()
  muted?: boolean;

  @ApiPropertyOptional({
    minimum: 1,
    maximum: LONGEST_DIGEST_SECONDS,
    description: 'Events of one type within so many seconds come as one message; critical ones do not wait',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(LONGEST_DIGEST_SECONDS)
  digestSeconds?: number;
}

export class QuietHoursDto {
  @ApiProperty({ example: '22:00' })
  @Matches(CLOCK, CLOCK_RULE)
  from: string;

  @ApiProperty({ example: '07:00', description: 'Before `from`: of the next day' })
  @Matches(CLOCK, CLOCK_RULE)
  to: string;

  @ApiProperty({ example: 'Europe/Paris' })
  @IsTimeZone()
  timezone: string;
}

export class PreferencesDto {
  @ApiProperty({ type: [PreferenceRuleDto], example: [{ event: 'task.*', channels: ['inbox'] }] })
  @IsArray()
  @ArrayMaxSize(MAX_RULES)
  @ValidateNested({ each: true })
  @Type(() => PreferenceRuleDto)
  rules: PreferenceRuleDto[];

  @ApiPropertyOptional({
    type: QuietHoursDto,
    nullable: true,
    description: 'No mail then, but after; critical mail comes',
  })
  @MayBeNull()
  @IsObject()
  @ValidateNested()
  @Type(() => QuietHoursDto)
  quietHours?: QuietHoursDto | null;
}

export class PreferencesView {
  @ApiProperty({ type: [PreferenceRuleDto] })
  rules: PreferenceRuleDto[];

  @ApiProperty({ type: QuietHoursDto, nullable: true })
  quietHours: QuietHoursDto | null;
}
