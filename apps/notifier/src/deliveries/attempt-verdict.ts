import { decideRetry } from '../channels/webhook-retry.js';
import type { WebhookOutcome } from '../channels/webhook.js';

export interface AttemptQuestion {
  trigger: 'automatic' | 'manual';
  status: 'pending' | 'delivered' | 'exhausted';
  /** Failures of the schedule before this attempt. */
  scheduleStep: number;
  scheduleMs: readonly number[];
  outcome: WebhookOutcome;
  now: Date;
  /** A number in [0, 1). */
  random: () => number;
}

export type AttemptVerdict =
  | { kind: 'delivered' }
  | { kind: 'retry'; at: Date }
  | { kind: 'exhausted'; reason: 'attempts' | 'permanent' }
  /** An attempt beside the schedule failed: it costs nothing, the delivery stands as before. */
  | { kind: 'unchanged' };

/** What an attempt's outcome means for its delivery. */
export function judgeAttempt(question: AttemptQuestion): AttemptVerdict {
  const { trigger, status, scheduleStep, outcome, scheduleMs, now, random } = question;
  if (outcome.kind === 'delivered') return { kind: 'delivered' };
  if (status !== 'pending') return { kind: 'unchanged' };
  if (outcome.kind === 'gone') return { kind: 'exhausted', reason: 'permanent' };
  if (trigger === 'manual') return { kind: 'unchanged' };
  const decision = decideRetry({ scheduleMs, attempt: scheduleStep + 1, outcome, now, random });
  return 'next' in decision ? { kind: 'retry', at: decision.next } : { kind: 'exhausted', reason: 'attempts' };
}
