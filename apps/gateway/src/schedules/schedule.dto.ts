import { ApiProperty, ApiPropertyOptional, OmitType, PartialType } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { CATCH_UPS, type CatchUp, MAX_CAUGHT_UP, MISSED_AFTER_SECONDS } from '@houston/common/domain/catch-up.js';
import { IsTimeZone } from '../http/json-fields.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { CreateTaskDto } from '../tasks/task.dto.js';
import { OVERLAPS, type Overlap, TICK_OUTCOMES, type TickOutcome } from './schedule.row.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const MAX_CRON = 200;
const MAX_EVERY_SECONDS = 31_536_000;
const MAX_JITTER_SECONDS = 3_600;
const MAX_MESSAGE = 8_000;
const MAX_PREVIEW = 100;
const MAX_WORKFLOW_TASKS = 100;
const DEFAULT_TICKS = 5;

/** A task as POST /api/tasks takes it, without what belongs to one moment or one other task. */
export class TaskTargetDto extends OmitType(CreateTaskDto, ['dueAt', 'expiresAt', 'dependsOn', 'parentId'] as const) {}

export class HeartbeatTargetDto {
  @ApiProperty({ example: 'researcher', description: 'The agent to wake: name or id' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  agent: string;

  @ApiPropertyOptional({ example: 'Look at the board and take care of what is yours.' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_MESSAGE)
  message?: string;

  @ApiPropertyOptional({
    minimum: 0,
    maximum: 59,
    description:
      'Minutes after the times of the schedule; default: chosen so that the agents of a workspace take turns',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(59)
  offsetMinutes?: number;
}

/** An agent's bare name stands for its heartbeat. */
function heartbeat(value: unknown): unknown {
  return typeof value === 'string' ? Object.assign(new HeartbeatTargetDto(), { agent: value }) : value;
}

/** One task of a workflow. */
export class WorkflowTaskDto extends TaskTargetDto {
  @ApiProperty({ example: 'write', description: 'What the others call it: letters, digits, `.`, `_` and `-`' })
  @IsString()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/, {
    message: 'key must be 1 to 50 letters, digits, dots, dashes or underscores',
  })
  key: string;

  @ApiPropertyOptional({ type: [String], example: ['research'], description: 'Keys of what must be done first' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_WORKFLOW_TASKS)
  @IsString({ each: true })
  dependsOn?: string[];
}

export class WorkflowTargetDto {
  @ApiPropertyOptional({ example: 'Weekly report' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name?: string;

  @ApiProperty({ type: [WorkflowTaskDto], minItems: 1, maxItems: MAX_WORKFLOW_TASKS })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_WORKFLOW_TASKS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => WorkflowTaskDto)
  tasks: WorkflowTaskDto[];
}

/** Nothing is to be said about it: `{}` or `true`. */
export class StandupTargetDto {}

export class TargetDto {
  @ApiPropertyOptional({ type: TaskTargetDto, description: 'Make this task' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => TaskTargetDto)
  task?: TaskTargetDto;

  @ApiPropertyOptional({
    type: HeartbeatTargetDto,
    description: 'Wake this agent, unless nothing has happened to the tasks of the workspace since it was last woken',
  })
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => heartbeat(value))
  @IsObject()
  @ValidateNested()
  @Type(() => HeartbeatTargetDto)
  heartbeat?: HeartbeatTargetDto;

  @ApiPropertyOptional({
    type: WorkflowTargetDto,
    description:
      'Make all of these tasks at once, each waiting for those that it names. The run ends when none of them can go on',
  })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => WorkflowTargetDto)
  workflow?: WorkflowTargetDto;

  @ApiPropertyOptional({
    type: StandupTargetDto,
    description: 'Make and send a stand-up of the workspace, apart from the one that its settings order',
  })
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => (value === true ? new StandupTargetDto() : value))
  @IsObject()
  @ValidateNested()
  @Type(() => StandupTargetDto)
  standup?: StandupTargetDto;
}

export class CreateScheduleDto {
  @ApiProperty({ example: 'Morning report' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    example: '30 9 * * MON-FRI',
    description: 'Minute, hour, day of month, month, day of week. Exactly one of `cron` and `everySeconds`',
  })
  @IsOptional()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_CRON)
  cron?: string | null;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 1,
    maximum: MAX_EVERY_SECONDS,
    description: 'The first tick is one interval away',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_EVERY_SECONDS)
  everySeconds?: number | null;

  @ApiPropertyOptional({ example: 'Europe/Paris', description: "IANA zone of `cron`; default: the workspace's" })
  @MayBeAbsent()
  @IsTimeZone()
  timezone?: string;

  @ApiProperty({ type: TargetDto, description: 'Exactly one target', example: { task: { title: 'Morning report' } } })
  @IsObject()
  @ValidateNested()
  @Type(() => TargetDto)
  target: TargetDto;

  @ApiPropertyOptional({
    enum: CATCH_UPS,
    default: 'none',
    description: `Ticks missed by more than ${MISSED_AFTER_SECONDS} s while no scheduler ran: none of them is made up for, or one, or all (the latest ${MAX_CAUGHT_UP})`,
  })
  @MayBeAbsent()
  @IsIn(CATCH_UPS)
  catchUp?: CatchUp;

  @ApiPropertyOptional({
    enum: OVERLAPS,
    default: 'skip',
    description: 'A tick that comes while a run goes on: dropped, run beside it, or run after it (at most 100 wait)',
  })
  @MayBeAbsent()
  @IsIn(OVERLAPS)
  overlap?: Overlap;

  @ApiPropertyOptional({ default: 0, maximum: MAX_JITTER_SECONDS, description: 'Runs begin up to this much later' })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(MAX_JITTER_SECONDS)
  jitterSeconds?: number;

  @ApiPropertyOptional({ default: true })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

/** What is named changes; naming `cron` puts it in the place of `everySeconds`, and the other way round. */
export class UpdateScheduleDto extends PartialType(CreateScheduleDto, { skipNullProperties: false }) {}

export class TicksQuery extends PageQuery {
  @ApiPropertyOptional({ enum: TICK_OUTCOMES })
  @IsOptional()
  @IsIn(TICK_OUTCOMES)
  outcome?: TickOutcome;
}

export class PreviewDto {
  @ApiPropertyOptional({ example: '30 2 * * *' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_CRON)
  cron?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: MAX_EVERY_SECONDS })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_EVERY_SECONDS)
  everySeconds?: number;

  @ApiPropertyOptional({ example: 'Europe/Paris', description: "Default: the workspace's" })
  @MayBeAbsent()
  @IsTimeZone()
  timezone?: string;

  @ApiPropertyOptional({ example: '2027-03-28T00:00:00Z', description: 'Ticks after this moment; default: now' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  from?: string;

  @ApiPropertyOptional({ default: DEFAULT_TICKS, minimum: 1, maximum: MAX_PREVIEW })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_PREVIEW)
  count: number = DEFAULT_TICKS;
}
