/** When and how often failed work is tried again. Intervals are seconds, fractions allowed. */
export interface RetryPolicy {
  /** Wait after the first failure. Default 1. */
  readonly initialInterval: number;
  /** Each wait is this many times the one before. Default 2. */
  readonly backoffCoefficient: number;
  /** No wait is longer, jitter aside. Default 100. */
  readonly maximumInterval: number;
  /** Attempts in all, the first included. Default 5. */
  readonly maximumAttempts: number;
  /** Types of errors that no repetition mends. Default: none. */
  readonly nonRetryableErrors: readonly string[];
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  initialInterval: 1,
  backoffCoefficient: 2,
  maximumInterval: 100,
  maximumAttempts: 5,
  nonRetryableErrors: [],
};

/** Each wait is up to this share longer or shorter, so that what failed together does not come back together. */
const JITTER = 0.2;
const MS_PER_SECOND = 1_000;

/** What was stored, and defaults for the rest. */
export function retryPolicy(stored: Partial<RetryPolicy>): RetryPolicy {
  return { ...DEFAULT_RETRY_POLICY, ...stored };
}

/**
 * Wait before the next attempt, in milliseconds.
 *
 * @param failures attempts that have failed, 1 or more
 * @param random from 0 (shortest) to 1 (longest)
 */
export function retryDelayMs(policy: RetryPolicy, failures: number, random = Math.random()): number {
  const seconds = policy.initialInterval * policy.backoffCoefficient ** (failures - 1);
  const capped = Math.min(seconds, policy.maximumInterval);
  return capped * MS_PER_SECOND * (1 - JITTER + 2 * JITTER * random);
}

export type AttemptFailure = { kind: 'transient' | 'permanent'; errorType?: string };

/** Tried again after a wait, or given up. */
export type Retry = { kind: 'retry'; delayMs: number } | { kind: 'dead'; reason: 'attempts' | 'permanent' };

/** @param attempts attempts begun so far, the failed one included */
export function afterFailure(
  policy: RetryPolicy,
  attempts: number,
  failure: AttemptFailure,
  random = Math.random(),
): Retry {
  const isHopeless = failure.errorType !== undefined && policy.nonRetryableErrors.includes(failure.errorType);
  if (failure.kind === 'permanent' || isHopeless) return { kind: 'dead', reason: 'permanent' };
  if (attempts >= policy.maximumAttempts) return { kind: 'dead', reason: 'attempts' };
  return { kind: 'retry', delayMs: retryDelayMs(policy, Math.max(attempts, 1), random) };
}
