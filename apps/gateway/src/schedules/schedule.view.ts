import { ApiProperty } from '@nestjs/swagger';
import { CATCH_UPS, type CatchUp } from '@houston/common/domain/catch-up.js';
import { formatUsd } from '@houston/common/domain/money.js';
import { nextTicks } from '@houston/common/schedules/cadence.js';
import { cadenceOf } from './cadence-of.js';
import {
  OVERLAPS,
  type Overlap,
  type ScheduleRow,
  SKIP_REASONS,
  TICK_OUTCOMES,
  type TickOutcome,
  type TickRow,
} from './schedule.row.js';

const TICKS_SHOWN = 5;
const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;

export class ScheduleBreakerView {
  @ApiProperty({
    enum: BREAKER_STATES,
    description: '`open` for 120 s after the fifth failure in a row, then `half_open`: the next run decides',
  })
  state: (typeof BREAKER_STATES)[number];

  @ApiProperty({ example: 0, description: 'In a row' })
  failures: number;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, example: null })
  until: string | null;
}

export class ScheduleView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'Morning report' })
  name: string;

  @ApiProperty({ example: '30 9 * * MON-FRI', nullable: true, type: String })
  cron: string | null;

  @ApiProperty({ example: null, nullable: true, type: Number })
  everySeconds: number | null;

  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;

  @ApiProperty({ type: Object, example: { task: { title: 'Morning report' } } })
  target: Record<string, unknown>;

  @ApiProperty({ enum: CATCH_UPS })
  catchUp: CatchUp;

  @ApiProperty({ enum: OVERLAPS })
  overlap: Overlap;

  @ApiProperty({ example: 0 })
  jitterSeconds: number;

  @ApiProperty()
  enabled: boolean;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'null: paused' })
  nextTickAt: string | null;

  @ApiProperty({
    type: [String],
    example: ['2026-11-23T08:30:00.000Z'],
    description: 'The next five; of a paused schedule, those it would have',
  })
  nextTicks: string[];

  @ApiProperty({ type: ScheduleBreakerView })
  breaker: ScheduleBreakerView;

  @ApiProperty({ example: 1 })
  version: number;

  @ApiProperty({ example: 'key:0190…' })
  createdBy: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class TickView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'date-time' })
  tickAt: string;

  @ApiProperty({ enum: ['clock', 'manual'] })
  origin: 'clock' | 'manual';

  @ApiProperty({
    enum: TICK_OUTCOMES,
    description:
      '`HEARTBEAT_OK`: the board had not changed, so nobody was woken. `missed` stands for `missedCount` ticks',
  })
  outcome: TickOutcome;

  @ApiProperty({ enum: SKIP_REASONS, nullable: true, description: 'Why it was skipped' })
  reason: TickRow['reason'];

  @ApiProperty({ nullable: true, type: String, example: null })
  error: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'The task it made; of a workflow, null' })
  taskId: string | null;

  @ApiProperty({ type: [String], format: 'uuid', description: 'The tasks it made, in the order of the workflow' })
  taskIds: string[];

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'The stand-up it made' })
  standupId: string | null;

  @ApiProperty({ example: '0.0123', description: 'What the executions of its tasks have cost so far' })
  costUsd: string;

  @ApiProperty({ nullable: true, type: Number, example: null })
  missedCount: number | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, example: null, description: 'The last one missed' })
  missedUntil: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  startedAt: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  endedAt: string | null;
}

export class HistoryView {
  @ApiProperty({ type: [TickView], description: 'Latest first' })
  items: TickView[];

  @ApiProperty({ nullable: true, type: String, example: null })
  nextCursor: string | null;

  @ApiProperty({ example: '1.25', description: 'What all the runs of the last 30 days have cost' })
  costUsd: string;
}

export class PreviewView {
  @ApiProperty({ type: [String], example: ['2027-03-28T01:30:00.000Z'] })
  nextTicks: string[];
}

export function scheduleView(row: ScheduleRow): ScheduleView {
  return {
    ...{ id: row.id, name: row.name, cron: row.cron, everySeconds: row.every_seconds, timezone: row.timezone },
    ...{ target: row.target, catchUp: row.catch_up, overlap: row.overlap, jitterSeconds: row.jitter_seconds },
    enabled: row.enabled,
    nextTickAt: row.next_tick_at?.toISOString() ?? null,
    nextTicks: nextTicks(cadenceOf(row), row.now, TICKS_SHOWN).map((tick) => tick.toISOString()),
    breaker: breakerView(row),
    version: row.version,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function breakerView({ failures, breaker_until: until, now }: ScheduleRow): ScheduleBreakerView {
  if (until === null) return { state: 'closed', failures, until: null };
  return { state: until > now ? 'open' : 'half_open', failures, until: until.toISOString() };
}

export function tickView(row: TickRow): TickView {
  return {
    ...{ id: row.id, tickAt: row.tick_at.toISOString(), origin: row.origin, outcome: row.outcome, reason: row.reason },
    ...{ error: row.error, taskId: row.task_id, standupId: row.standup_id },
    taskIds: row.task_ids ?? (row.task_id === null ? [] : [row.task_id]),
    costUsd: formatUsd(BigInt(row.cost_nano)),
    missedCount: row.missed_count,
    missedUntil: row.missed_until?.toISOString() ?? null,
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}
