import { ApiProperty } from '@nestjs/swagger';
import type { AgentState } from '@houston/common/domain/agent-states.js';

const PRIORITIES = ['urgent', 'high', 'normal', 'low'] as const;
const HEALTHS = ['ok', 'degraded'] as const;

class AgentCountsView implements Record<AgentState, number> {
  @ApiProperty({ example: 1 })
  offline: number;
  @ApiProperty({ example: 4 })
  idle: number;
  @ApiProperty({ example: 0, description: 'Given a task that they have not acknowledged' })
  assigned: number;
  @ApiProperty({ example: 3 })
  working: number;
  @ApiProperty({ example: 0 })
  blocked: number;
  @ApiProperty({ example: 0 })
  paused: number;
  @ApiProperty({ example: 0 })
  draining: number;
}

class QueueDepthView {
  @ApiProperty({ example: 1 })
  urgent: number;
  @ApiProperty({ example: 2 })
  high: number;
  @ApiProperty({ example: 12 })
  normal: number;
  @ApiProperty({ example: 0 })
  low: number;
}

class WaitingView {
  @ApiProperty({ example: 3, description: 'For tasks that must be done first' })
  dependency: number;
  @ApiProperty({ example: 1, description: 'For the time of the next attempt' })
  retry: number;
  @ApiProperty({ example: 0, description: "For a provider's quota" })
  quota: number;
  @ApiProperty({ example: 0 })
  approval: number;
}

class OldestWaitingView {
  @ApiProperty({ format: 'uuid' })
  taskId: string;
  @ApiProperty({ example: 'Summarise the quarterly report' })
  title: string;
  @ApiProperty({ enum: PRIORITIES })
  priority: (typeof PRIORITIES)[number];
  @ApiProperty({ format: 'date-time' })
  since: string;
  @ApiProperty({ example: 12 })
  seconds: number;
}

class LeasesView {
  @ApiProperty({ example: 3 })
  live: number;
  @ApiProperty({ example: 0, description: 'Offered, not yet acknowledged' })
  unacknowledged: number;
  @ApiProperty({ example: 0, description: 'Expired, and about to be taken back' })
  expired: number;
}

class CompletionView {
  @ApiProperty({ format: 'uuid' })
  taskId: string;
  @ApiProperty({ example: 'Summarise the quarterly report' })
  title: string;
  @ApiProperty({ enum: PRIORITIES })
  priority: (typeof PRIORITIES)[number];
  @ApiProperty({ example: 'researcher', nullable: true, type: String, description: 'null: done by hand' })
  agent: string | null;
  @ApiProperty({ format: 'date-time' })
  endedAt: string;
}

class HouseHealthView {
  @ApiProperty({ enum: HEALTHS, description: '`degraded` while one of the services gives no sign of life' })
  status: (typeof HEALTHS)[number];
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'boolean' },
    example: { gateway: true, budget: true, scheduler: true, notifier: true },
    description: 'Whether each gave a sign of life within 15 s',
  })
  services: Record<string, boolean>;
}

export class DashboardView {
  @ApiProperty({ format: 'date-time', description: 'The moment that all figures are of' })
  at: string;
  @ApiProperty({ type: AgentCountsView, description: "The organization's agents by state" })
  agents: AgentCountsView;
  @ApiProperty({ type: QueueDepthView, description: 'Tasks of the inbox that an able agent could take now' })
  queueDepth: QueueDepthView;
  @ApiProperty({ type: WaitingView, description: 'The rest of the inbox, by what it waits for' })
  waiting: WaitingView;
  @ApiProperty({ type: OldestWaitingView, nullable: true, description: 'Longest among those that could be taken now' })
  oldestWaiting: OldestWaitingView | null;
  @ApiProperty({ type: LeasesView })
  leases: LeasesView;
  @ApiProperty({ example: 0, description: 'Tasks whose next attempt is due' })
  retriesDue: number;
  @ApiProperty({ example: 0, description: 'Open ones' })
  deadLetters: number;
  @ApiProperty({ type: [CompletionView], description: 'The ten latest tasks done' })
  recentCompletions: CompletionView[];
  @ApiProperty({ type: HouseHealthView })
  health: HouseHealthView;
}

/** As the database tells it. */
export type DashboardState = Omit<DashboardView, 'health'> & { services: Record<string, boolean> };

export function dashboardView({ services, ...state }: DashboardState): DashboardView {
  const isWhole = Object.values(services).every(Boolean);
  return { ...state, health: { status: isWhole ? 'ok' : 'degraded', services } };
}
