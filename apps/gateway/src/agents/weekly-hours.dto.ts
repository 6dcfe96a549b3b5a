import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, Matches, ValidateNested } from 'class-validator';
import { WEEK_DAYS, type WeekDay, weekDayOf } from '../budgets/week-start.js';
import { IsTimeZone } from '../http/json-fields.js';
import { MayBeAbsent } from '../http/optional.js';

const MAX_WINDOWS = 50;

export class WindowDto {
  @ApiProperty({ enum: WEEK_DAYS, example: 'monday', description: 'Also 1 (Monday) to 7' })
  @Transform(({ value }: { value: unknown }) => weekDayOf(value))
  @IsIn(WEEK_DAYS)
  day: WeekDay;

  @ApiProperty({ example: '09:00', description: 'Local time, HH:MM' })
  @Matches(/^([01]\d|2[0-3]):[0-5]\d$/, { message: 'Give a local time such as 09:00.' })
  from: string;

  @ApiProperty({ example: '17:30', description: 'Up to 24:00; earlier than `from`: on the next day' })
  @Matches(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { message: 'Give a local time such as 17:30, or 24:00.' })
  to: string;
}

/** When an agent works, by the clock on the wall. */
export class WeeklyHoursDto {
  @ApiPropertyOptional({ example: 'Europe/Paris', default: 'UTC', description: 'IANA zone' })
  @MayBeAbsent()
  @IsTimeZone()
  timezone: string = 'UTC';

  @ApiProperty({ type: [WindowDto], description: 'Empty: never' })
  @IsArray()
  @ArrayMaxSize(MAX_WINDOWS)
  @ValidateNested({ each: true })
  @Type(() => WindowDto)
  windows: WindowDto[];
}
