import type {
  EscalationAction,
  EscalationMatch,
  EscalationStatus,
  EscalationTrigger,
  SubjectKind,
} from '../domain/escalation.js';

/** Who is told: everybody of a role, a member, or an agent. */
export type Recipient = { role: string } | { member: string } | { agent: string };

/** What is done when a rule fires. */
export interface RuleAction {
  type: EscalationAction;
  /** Of `notify` and `requestApproval`. Default: owners and admins. */
  recipients?: Recipient[];
  /** Of `reassign`: the id of the agent. Default: the best able one among the others. */
  agentId?: string;
}

export interface RuleLevel {
  actions: RuleAction[];
}

/** A row of `escalation_rules`. */
export interface RuleRow {
  workspace_id: string;
  id: string;
  name: string;
  match: EscalationMatch;
  trigger: EscalationTrigger;
  threshold: number | null;
  pattern: string | null;
  condition: string | null;
  actions: RuleAction[];
  levels: RuleLevel[];
  cooldown_seconds: number;
  max_depth: number;
  enabled: boolean;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

/** A row of `escalation_watches`. */
export interface WatchRow {
  workspace_id: string;
  rule_id: string;
  subject_id: string;
  depth: number;
  due_at: Date;
  cooldown_until: Date | null;
}

/** What an action came to. */
export interface ActionResult {
  type: EscalationAction;
  done: boolean;
  /** What was done, or why not. */
  detail?: string;
}

/** A row of `escalations`. */
export interface EscalationRow {
  workspace_id: string;
  id: string;
  rule_id: string;
  rule_name: string;
  subject_kind: SubjectKind;
  subject_id: string;
  level: number;
  reason: string;
  actions: ActionResult[];
  since: Date;
  raised_at: Date;
  status: EscalationStatus;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  resolved_at: Date | null;
  resolved_by: string | null;
  resolution: string | null;
}
