import { ApiProperty } from '@nestjs/swagger';
import {
  AGENT_HEALTHS,
  AGENT_LEVELS,
  AGENT_LIFECYCLES,
  AGENT_STATES,
  TOKEN_PROFILES,
} from '@houston/common/domain/agent-states.js';
import { formatUsd } from '@houston/common/domain/money.js';
import type { AgentRegistration, AgentRow } from './agent.row.js';
import { breakerView, BreakerStandView, BreakerView } from './breaker.view.js';
import { CapabilityDto } from './capability.dto.js';
import { weeklyView, WeeklyView } from './weekly-hours.view.js';

/** What the registry says of an agent. */
export class RegistrationView {
  @ApiProperty({ example: '1.4.0', description: "The agent's own version" })
  version: string;

  @ApiProperty({ example: 'Reads papers and writes summaries' })
  description: string;

  @ApiProperty({ example: 'researcher' })
  role: string;

  @ApiProperty({ enum: AGENT_LEVELS })
  level: string;

  @ApiProperty({ type: [CapabilityDto] })
  capabilities: CapabilityDto[];

  @ApiProperty({ example: 2, description: 'Tasks at once, over all workspaces' })
  maxConcurrent: number;

  @ApiProperty({ type: [String], example: ['gpt-4o'] })
  models: string[];

  @ApiProperty({ example: 'openai', nullable: true, type: String })
  provider: string | null;

  @ApiProperty({ example: '0.05', nullable: true, type: String })
  costPerTaskUsd: string | null;

  @ApiProperty({ example: 'agent:research:main', nullable: true, type: String })
  sessionKey: string | null;

  @ApiProperty({ enum: TOKEN_PROFILES })
  tokenProfile: string;

  @ApiProperty({ type: Object, example: { maxOutputTokens: 4096 } })
  limits: Record<string, unknown>;

  @ApiProperty({ type: [String], example: ['librarian'] })
  dependsOn: string[];

  @ApiProperty({ enum: AGENT_LIFECYCLES })
  lifecycle: string;

  @ApiProperty()
  enabled: boolean;

  @ApiProperty({ type: WeeklyView, nullable: true, description: 'null: it works at any time' })
  weekly: WeeklyView | null;

  @ApiProperty({ type: BreakerView })
  breaker: BreakerView;

  @ApiProperty({ type: Object, example: { owner: 'ana' } })
  metadata: Record<string, unknown>;
}

export class AgentView extends RegistrationView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'researcher' })
  name: string;

  @ApiProperty({ example: 3, description: 'Rises with every change of the registration' })
  revision: number;

  @ApiProperty({ example: 'researcher-2', nullable: true, type: String, description: 'Its successor' })
  replacedBy: string | null;

  @ApiProperty({ description: 'It registered itself by its first execution' })
  autoRegistered: boolean;

  @ApiProperty({ enum: AGENT_STATES })
  state: string;

  @ApiProperty({ enum: AGENT_HEALTHS })
  health: string;

  @ApiProperty({ enum: ['failing', 'deaf'], nullable: true, type: String })
  degradedReason: string | null;

  @ApiProperty({ type: BreakerStandView })
  breakerState: BreakerStandView;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  stateChangedAt: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  lastSeenAt: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function registrationView(row: AgentRegistration): RegistrationView {
  return {
    version: row.release,
    description: row.description,
    role: row.role,
    level: row.level,
    capabilities: row.capabilities,
    maxConcurrent: row.max_concurrent,
    models: row.models,
    provider: row.provider,
    costPerTaskUsd: row.cost_per_task_nano === null ? null : formatUsd(BigInt(row.cost_per_task_nano)),
    sessionKey: row.session_key,
    tokenProfile: row.token_profile,
    limits: row.limits,
    dependsOn: row.depends_on,
    lifecycle: row.lifecycle,
    enabled: row.enabled,
    weekly: weeklyView(row),
    breaker: breakerView(row.breaker),
    metadata: row.metadata,
  };
}

export function agentView(row: AgentRow): AgentView {
  return {
    id: row.id,
    name: row.name,
    revision: row.version,
    ...registrationView(row),
    replacedBy: row.replaced_by_name,
    autoRegistered: row.auto_registered,
    state: row.state,
    health: row.health,
    degradedReason: row.health === 'degraded' ? row.degraded_reason : null,
    breakerState: {
      state: row.breaker_state,
      reason: row.degraded_reason,
      until: row.degraded_until?.toISOString() ?? null,
    },
    stateChangedAt: row.state_changed_at?.toISOString() ?? null,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
