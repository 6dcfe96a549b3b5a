export const APPROVAL_STATUSES = ['pending', 'approved', 'rejected', 'answered', 'expired', 'cancelled'] as const;

export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export const DECISIONS = ['approve', 'approve_with_edits', 'reject', 'respond'] as const;

export type Decision = (typeof DECISIONS)[number];

export const TIMEOUTS = ['reject', 'approve', 'escalate'] as const;

/** What happens at the deadline. */
export type OnTimeout = (typeof TIMEOUTS)[number];

/**
 * Who moves an approval.
 *
 * - `decider`: somebody who may decide it
 * - `requester`: whoever asked, or an admin on their behalf
 * - `clock`: its deadline has come, or its task has ended
 */
export type ApprovalMover = 'decider' | 'requester' | 'clock';

interface ApprovalTransition {
  readonly from: ApprovalStatus;
  readonly to: ApprovalStatus;
  readonly by: readonly ApprovalMover[];
}

/** The one table of moves: what is not here does not happen. Whatever is not pending stays as it is. */
export const APPROVAL_TRANSITIONS: readonly ApprovalTransition[] = [
  { from: 'pending', to: 'approved', by: ['decider', 'clock'] },
  { from: 'pending', to: 'rejected', by: ['decider'] },
  { from: 'pending', to: 'answered', by: ['decider'] },
  { from: 'pending', to: 'expired', by: ['clock'] },
  { from: 'pending', to: 'cancelled', by: ['requester', 'clock'] },
];

/** What a decision makes of a pending approval. */
export const OUTCOMES = {
  approve: 'approved',
  approve_with_edits: 'approved',
  reject: 'rejected',
  respond: 'answered',
} as const satisfies Record<Decision, ApprovalStatus>;

export function mayMoveApproval(from: ApprovalStatus, to: ApprovalStatus, by: ApprovalMover): boolean {
  return APPROVAL_TRANSITIONS.some((edge) => edge.from === from && edge.to === to && edge.by.includes(by));
}
