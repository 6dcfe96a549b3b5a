import { NanoUsd } from './money.js';

export interface SpendSoFar {
  windowStart: Date;
  /** The first instant after the window; null for a window without an end. */
  windowEnd: Date | null;
  limitNano: NanoUsd;
  spentNano: NanoUsd;
  now: Date;
}

const MAX_DATE_MS = 8_640_000_000_000_000n;

/**
 * When the budget will be used up if spending goes on at the window's own average rate.
 * Null when it lasts until the window ends, or when nothing can be said: nothing is spent, or the window has just
 * begun. A budget that is used up already answers with `now`.
 */
export function projectExhaustion({ windowStart, windowEnd, limitNano, spentNano, now }: SpendSoFar): Date | null {
  if (spentNano <= 0n) return null;
  if (windowEnd !== null && now >= windowEnd) return null;
  if (spentNano >= limitNano) return now;
  const elapsedMs = now.getTime() - windowStart.getTime();
  if (elapsedMs <= 0) return null;
  const fullMs = (BigInt(elapsedMs) * limitNano + spentNano - 1n) / spentNano;
  const endMs = windowEnd === null ? MAX_DATE_MS + 1n : BigInt(windowEnd.getTime());
  const exhaustedMs = BigInt(windowStart.getTime()) + fullMs;
  return exhaustedMs < endMs ? new Date(Number(exhaustedMs)) : null;
}
