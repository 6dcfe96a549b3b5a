/** Part of a step by which it may be longer, so that many failures do not come back at once. Never shorter. */
const JITTER = 0.1;
/** A wish to be left alone (`Retry-After`) is met up to this. */
const LONGEST_WISH_MS = 3_600_000;

export interface NotificationRetryQuestion {
  /** Delays in milliseconds; entry 0 comes before the first attempt, entry n after the n-th. */
  scheduleMs: readonly number[];
  /** Number of the attempt just made, counted from 1. */
  attempt: number;
  /** How long the other side asked to be left alone, in milliseconds. */
  retryAfterMs?: number;
  /** A number in [0, 1), as from Math.random. */
  random: () => number;
}

/** Milliseconds until the next attempt; null when there is none left. Never sooner than the schedule or the wish says. */
export function nextAttemptInMs(question: NotificationRetryQuestion): number | null {
  const { scheduleMs, attempt, retryAfterMs = 0, random } = question;
  const stepMs = scheduleMs[attempt];
  if (stepMs === undefined) return null;
  const leastMs = Math.max(stepMs, Math.min(retryAfterMs, LONGEST_WISH_MS));
  return Math.round(leastMs * (1 + JITTER * random()));
}
