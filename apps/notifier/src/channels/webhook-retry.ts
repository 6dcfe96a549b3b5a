import type { WebhookFailed, WebhookGone } from './webhook.js';

const JITTER = 0.2;

export interface RetryQuestion {
  /** Delays in milliseconds; entry 0 comes before the first attempt, entry n after the n-th. */
  scheduleMs: readonly number[];
  /** Number of the attempt just made, counted from 1. */
  attempt: number;
  outcome: Pick<WebhookGone, 'kind'> | Pick<WebhookFailed, 'kind' | 'retryAfterMs'>;
  now: Date;
  /** A number in [0, 1), as from Math.random. */
  random: () => number;
}

export type RetryDecision = { next: Date } | { exhausted: true } | { disabled: true };

/**
 * What follows an attempt that did not succeed. A wish of the endpoint (`Retry-After`) is met exactly, within one to
 * two steps of the schedule; otherwise each step varies by a fifth, so that many failures do not come back at once.
 */
export function decideRetry({ scheduleMs, attempt, outcome, now, random }: RetryQuestion): RetryDecision {
  if (outcome.kind === 'gone') return { disabled: true };
  const stepMs = scheduleMs[attempt];
  if (stepMs === undefined) return { exhausted: true };
  const { retryAfterMs } = outcome;
  if (retryAfterMs === undefined) return { next: later(now, jittered(stepMs, random)) };
  return { next: later(now, Math.min(Math.max(retryAfterMs, stepMs), 2 * stepMs)) };
}

function jittered(stepMs: number, random: () => number): number {
  return Math.round(stepMs * (1 - JITTER + 2 * JITTER * random()));
}

function later(now: Date, delayMs: number): Date {
  return new Date(now.getTime() + delayMs);
}
