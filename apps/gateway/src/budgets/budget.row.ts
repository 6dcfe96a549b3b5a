import type { BudgetMode, BudgetPeriod } from '@houston/common/db/entities/budget.entity.js';

/** A budget with the figures of its present window, as Postgres returns it. */
export interface BudgetRow {
  id: string;
  workspace_id: string | null;
  name: string;
  limit_nano: string;
  period: BudgetPeriod;
  timezone: string;
  week_start: number;
  agent_id: string | null;
  model: string | null;
  provider: string | null;
  trigger: string | null;
  tags: Record<string, string> | null;
  mode: BudgetMode;
  thresholds: number[];
  frozen_at: Date | null;
  frozen_reason: string | null;
  frozen_by: string | null;
  /** Null: until somebody thaws it. */
  frozen_until: Date | null;
  frozen_evidence: Record<string, unknown> | null;
  /** What is added to the limit for a time, and contained in it; times are ISO 8601. */
  raises: { approvalId: string; amountNano: string; until: string }[];
  version: number;
  created_at: Date;
  updated_at: Date;
  window_start: Date;
  /** Null: it has no end. */
  window_end: Date | null;
  spent_nano: string;
  held_nano: string;
  overage_nano: string;
  /** The database's clock when the figures were read. */
  read_at: Date;
  /** Creation in microseconds, for the cursor. */
  sort_key: string;
}
