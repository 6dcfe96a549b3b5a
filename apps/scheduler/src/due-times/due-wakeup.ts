import type { WakeupOf } from '@houston/common/queues/queues.js';

/** Somebody looks at this moment for what is due in the organization; one wake-up for everything that is due then. */
export function dueAt(organizationId: string, atMs: string, delayMs: number): WakeupOf<'due-times'> {
  return { queue: 'due-times', payload: { organizationId }, id: `due.${organizationId}.${atMs}`, delayMs };
}

/** What happens right after something that may be due is looked at together with it. */
export const GATHERING_MS = 300;

/** Something has happened that may be due at once. */
export function dueNow(organizationId: string): WakeupOf<'due-times'> {
  return { queue: 'due-times', payload: { organizationId }, id: `due.${organizationId}.now`, delayMs: GATHERING_MS };
}
