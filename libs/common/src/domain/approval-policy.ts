export const RISKS = ['low', 'medium', 'high'] as const;

export type Risk = (typeof RISKS)[number];

/** What becomes of a request, from the mildest to the strictest: `blocked` waits for owners only. */
export const APPROVAL_POLICIES = ['auto_approved', 'pending', 'blocked'] as const;

export type ApprovalPolicy = (typeof APPROVAL_POLICIES)[number];

/** What the policy looks at. */
export interface ApprovalQuestion {
  readonly risk: Risk;
  /** How sure the asker is, from 0 to 100; null: it does not say. */
  readonly confidence: number | null;
  /** Whether it reaches somebody outside. */
  readonly isExternal: boolean;
}

/** A workspace's own limits, from 0 to 100. */
export interface ApprovalThresholds {
  /** Low risk with more confidence than this needs nobody. */
  readonly autoApproveAbove: number;
  /** With less confidence than this owners decide. */
  readonly blockBelow: number;
}

export const APPROVAL_THRESHOLDS: ApprovalThresholds = { autoApproveAbove: 80, blockBelow: 60 };

interface Rule {
  readonly name: string;
  readonly policy: ApprovalPolicy;
  readonly holds: (question: ApprovalQuestion, thresholds: ApprovalThresholds) => boolean;
}

/** Of those that hold the strictest decides; where none holds, nobody needs to be asked. */
const RULES: readonly Rule[] = [
  { name: 'high_risk', policy: 'blocked', holds: ({ risk }) => risk === 'high' },
  {
    name: 'low_confidence',
    policy: 'blocked',
    holds: ({ confidence }, { blockBelow }) => confidence !== null && confidence < blockBelow,
  },
  { name: 'medium_risk', policy: 'pending', holds: ({ risk }) => risk === 'medium' },
  {
    name: 'moderate_confidence',
    policy: 'pending',
    holds: ({ confidence }, { autoApproveAbove }) => confidence !== null && confidence <= autoApproveAbove,
  },
  { name: 'unknown_confidence', policy: 'pending', holds: ({ confidence }) => confidence === null },
  { name: 'external', policy: 'pending', holds: ({ isExternal }) => isExternal },
];

export interface ApprovalVerdict {
  readonly policy: ApprovalPolicy;
  /** Names of the rules that made it so; empty when it was approved. */
  readonly reasons: readonly string[];
}

/** Decides who has to be asked: nobody, somebody, or an owner. */
export function judgeApproval(question: ApprovalQuestion, thresholds: ApprovalThresholds): ApprovalVerdict {
  const held = RULES.filter((rule) => rule.holds(question, thresholds));
  const policy = held.reduce<ApprovalPolicy>((worst, rule) => stricter(worst, rule.policy), 'auto_approved');
  return { policy, reasons: held.filter((rule) => rule.policy === policy).map((rule) => rule.name) };
}

function stricter(one: ApprovalPolicy, other: ApprovalPolicy): ApprovalPolicy {
  return strictness(one) >= strictness(other) ? one : other;
}

/** 0 is the mildest. */
export function strictness(policy: ApprovalPolicy): number {
  return APPROVAL_POLICIES.indexOf(policy);
}
