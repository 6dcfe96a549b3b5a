/** After so many attempts in a row whose outcome nobody saw, a delivery is taken to harm whoever sends it. */
export const INTERRUPTION_LIMIT = 8;

export interface ClaimQuestion {
  /** Null: nothing is left to do. */
  dueAt: Date | null;
  manualAttemptAt: Date | null;
  claimedUntil: Date | null;
  interruptionCount: number;
  endpointStatus: 'enabled' | 'disabled';
  now: Date;
}

export type ClaimDecision =
  /** Nothing is left to do. */
  | { kind: 'settled' }
  /** The wake-up came before its time. */
  | { kind: 'early'; waitMs: number }
  /** Somebody else is at it. */
  | { kind: 'taken' }
  /** It is not to be sent any more; a delivery that is not pending only loses the attempt that was asked for. */
  | { kind: 'give-up'; reason: 'permanent' | 'poison' }
  | { kind: 'attempt'; trigger: 'automatic' | 'manual' };

/** What becomes of a wake-up. Redelivered, early and late ones are harmless. */
export function decideClaim(question: ClaimQuestion): ClaimDecision {
  const { dueAt, manualAttemptAt, claimedUntil, now } = question;
  if (dueAt === null) return { kind: 'settled' };
  if (claimedUntil !== null && claimedUntil > now) return { kind: 'taken' };
  if (dueAt > now) return { kind: 'early', waitMs: dueAt.getTime() - now.getTime() };
  if (question.endpointStatus === 'disabled') return { kind: 'give-up', reason: 'permanent' };
  const interruptions = question.interruptionCount + (claimedUntil === null ? 0 : 1);
  if (interruptions >= INTERRUPTION_LIMIT) return { kind: 'give-up', reason: 'poison' };
  const isManual = manualAttemptAt !== null && manualAttemptAt <= now;
  return { kind: 'attempt', trigger: isManual ? 'manual' : 'automatic' };
}
