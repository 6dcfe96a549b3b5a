import type { CatchUp } from '@houston/common/domain/catch-up.js';

export const OVERLAPS = ['skip', 'allow', 'queue'] as const;
export const TICK_OUTCOMES = [
  'waiting',
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'missed',
  'HEARTBEAT_OK',
] as const;
export const SKIP_REASONS = ['overlap', 'queue_full', 'breaker_open', 'paused'] as const;
export type Overlap = (typeof OVERLAPS)[number];
export type TickOutcome = (typeof TICK_OUTCOMES)[number];
export type TargetKind = 'task' | 'heartbeat' | 'workflow' | 'standup';

/** A schedule as Postgres returns it. */
export interface ScheduleRow {
  id: string;
  name: string;
  cron: string | null;
  every_seconds: number | null;
  timezone: string;
  anchor_at: Date;
  offset_minutes: number;
  target_kind: TargetKind;
  /** As it was asked for. */
  target: Record<string, unknown>;
  /** What a tick makes, by column; with `key` and `depends_on` in a workflow. */
  tasks: Record<string, unknown>[];
  /** Whom a heartbeat wakes. */
  agent_id: string | null;
  catch_up: CatchUp;
  overlap: Overlap;
  jitter_seconds: number;
  enabled: boolean;
  /** Null: paused. */
  next_tick_at: Date | null;
  /** In a row. */
  failures: number;
  breaker_until: Date | null;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  /** By the database's clock, in whole milliseconds. */
  now: Date;
}

export interface TickRow {
  id: string;
  tick_at: Date;
  origin: 'clock' | 'manual';
  outcome: TickOutcome;
  reason: (typeof SKIP_REASONS)[number] | null;
  error: string | null;
  missed_count: number | null;
  missed_until: Date | null;
  task_id: string | null;
  /** Of a workflow, in the order of its list. */
  task_ids: string[] | null;
  standup_id: string | null;
  started_at: Date | null;
  ended_at: Date | null;
  /** What the executions of its tasks have cost so far. */
  cost_nano: string;
}
