import { ApiProperty } from '@nestjs/swagger';
import { formatUsd } from '@houston/common/domain/money.js';
import type { AgentRow } from './agent.row.js';
import type { CapacityRow, MetricsRow } from './agent-work.store.js';
import { weeklyView, WeeklyView } from './weekly-hours.view.js';

export class CapacityView {
  @ApiProperty({ example: 2, description: 'Tasks at once, over all workspaces' })
  maxConcurrent: number;

  @ApiProperty({ example: 1, description: 'Tasks it has on lease' })
  inFlight: number;

  @ApiProperty({ example: 1, description: 'Tasks it could take besides' })
  free: number;

  @ApiProperty({ type: WeeklyView, nullable: true, description: 'null: it works at any time' })
  weekly: WeeklyView | null;

  @ApiProperty({ description: 'It works at this hour' })
  availableNow: boolean;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'Now or later; null: never' })
  availableFrom: string | null;
}

export class MetricsView {
  @ApiProperty({ example: 30 })
  days: number;

  @ApiProperty({ example: 48, description: 'That ended, whatever their outcome' })
  attempts: number;

  @ApiProperty({ example: 44 })
  succeeded: number;

  @ApiProperty({ example: 3, description: 'Failures of the agent: no deferrals, releases or cancellations' })
  failed: number;

  @ApiProperty({ example: 0.9362, nullable: true, type: Number, description: 'succeeded / (succeeded + failed)' })
  successRate: number | null;

  @ApiProperty({ example: 2, description: 'Attempts beyond the first of their task' })
  retries: number;

  @ApiProperty({ example: 5230, nullable: true, type: Number, description: 'Of attempts that succeeded' })
  latencyP50Ms: number | null;

  @ApiProperty({ example: 21800, nullable: true, type: Number })
  latencyP95Ms: number | null;

  @ApiProperty({ example: '1.76', description: 'What its executions for these tasks cost' })
  costUsd: string;

  @ApiProperty({ example: '0.04', nullable: true, type: String, description: 'costUsd by the tasks it completed' })
  costPerTaskUsd: string | null;
}

export function capacityView(agent: AgentRow, row: CapacityRow): CapacityView {
  return {
    maxConcurrent: agent.max_concurrent,
    inFlight: row.in_flight,
    free: Math.max(0, agent.max_concurrent - row.in_flight),
    weekly: weeklyView(agent),
    availableNow: row.available_now,
    availableFrom: row.available_from?.toISOString() ?? null,
  };
}

export function metricsView(days: number, row: MetricsRow): MetricsView {
  const decided = row.succeeded + row.failed;
  const cost = BigInt(row.cost_nano);
  return {
    days,
    attempts: row.attempts,
    succeeded: row.succeeded,
    failed: row.failed,
    successRate: decided === 0 ? null : Math.round((row.succeeded / decided) * 10_000) / 10_000,
    retries: row.retries,
    latencyP50Ms: row.latency_p50_ms,
    latencyP95Ms: row.latency_p95_ms,
    costUsd: formatUsd(cost),
    costPerTaskUsd: row.completed_tasks === 0 ? null : formatUsd(cost / BigInt(row.completed_tasks)),
  };
}
