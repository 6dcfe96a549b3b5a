import type {
  AgentHealth,
  AgentLevel,
  AgentLifecycle,
  AgentState,
  TokenProfile,
} from '@houston/common/domain/agent-states.js';

export interface Capability {
  name: string;
  /** 1 (beginner) to 5 (master). */
  level: number;
}

/** One window of a week, in local time. */
export interface Hours {
  /** ISO: 1 is Monday. */
  day: number;
  /** `HH:MM` */
  from: string;
  /** `HH:MM`, up to `24:00`; not after `from`: on the next day. */
  to: string;
}

/** What is set for a breaker; the rest is as by default. */
export interface BreakerSettings {
  /** Share of the tasks that failed, above 0 up to 1. */
  failureRate?: number;
  minimumTasks?: number;
  windowSeconds?: number;
  openSeconds?: number;
  unansweredOffers?: number;
}

/** What the registry says of an agent: each change is a version. */
export interface AgentRegistration {
  release: string;
  description: string;
  role: string;
  level: AgentLevel;
  /** By name. */
  capabilities: Capability[];
  max_concurrent: number;
  models: string[];
  provider: string | null;
  cost_per_task_nano: string | null;
  session_key: string | null;
  token_profile: TokenProfile;
  limits: Record<string, unknown>;
  /** Names of agents. */
  depends_on: string[];
  lifecycle: AgentLifecycle;
  replaced_by: string | null;
  enabled: boolean;
  /** Null: always. */
  availability: Hours[] | null;
  timezone: string;
  breaker: BreakerSettings;
  metadata: Record<string, unknown>;
}

/** An agent and how it fares, as Postgres returns it. */
export interface AgentRow extends AgentRegistration {
  id: string;
  /** Unique within the organization; never changes, because executions are admitted by it. */
  name: string;
  auto_registered: boolean;
  version: number;
  paused_at: Date | null;
  draining_at: Date | null;
  created_at: Date;
  updated_at: Date;
  replaced_by_name: string | null;
  state: AgentState;
  health: AgentHealth;
  last_seen_at: Date | null;
  state_changed_at: Date | null;
  breaker_state: 'closed' | 'open' | 'half_open';
  degraded_until: Date | null;
  degraded_reason: 'failing' | 'deaf' | null;
}
