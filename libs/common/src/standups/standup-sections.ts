/** What a stand-up tells, as it is kept and answered. Names and titles are as people wrote them: whoever shows them escapes. */
export interface StandupSections {
  /** Tasks done within the span, the latest first. */
  completed: StandupTask[];
  /** Tasks with an agent now, the oldest first. */
  inProgress: StandupTask[];
  /** Tasks that stand now, the oldest first. */
  blocked: StandupTask[];
  /** Tasks in review now, tasks that failed within the span, and approvals that wait for an answer. */
  needsReview: StandupReview[];
  /** Approvals that somebody decided within the span, or that their time decided; the latest first. */
  decisions: StandupDecision[];
  spend: StandupSpend;
}

export interface StandupTask {
  taskId: string;
  title: string;
  /** Its name; null: nobody had it. */
  agent: string | null;
  /** When it got there, ISO 8601. */
  since: string;
  /** Why it stands. */
  reason?: string;
}

export interface StandupReview {
  taskId: string | null;
  approvalId?: string;
  title: string;
  status: 'review' | 'failed' | 'pending';
  agent: string | null;
  since: string;
  reason?: string;
}

export interface StandupDecision {
  approvalId: string;
  taskId: string | null;
  title: string;
  status: string;
  /** The option or the comment it was given with. */
  comment: string | null;
  /** A name, an actor, or `timeout`. */
  by: string;
  at: string;
}

/** Decimal strings in USD. */
export interface StandupSpend {
  costUsd: string;
  executions: number;
  byAgent: { agent: string; costUsd: string }[];
  /** Budgets that bind the workspace, the fullest first, in their present windows. */
  budgets: StandupBudget[];
}

export interface StandupBudget {
  id: string;
  name: string;
  period: string;
  limitUsd: string;
  spentUsd: string;
  heldUsd: string;
  remainingUsd: string;
}

/** How many there are of each, also where the section lists fewer. */
export type StandupTotals = Record<Exclude<keyof StandupSections, 'spend'>, number>;

export interface StandupReport {
  workspace: string;
  from: Date;
  to: Date;
  /** IANA zone in which times are shown. */
  timezone: string;
  sections: StandupSections;
  totals: StandupTotals;
}
