import type { WorkspaceScope } from '../db/database.js';
import type { WakeupOf } from '../queues/queues.js';

export interface DueDelivery extends WorkspaceScope {
  deliveryId: string;
  endpointId: string;
  /** Attempts begun so far. */
  attemptCount: number;
  /** Somebody asked for this attempt; it must not wait behind a wake-up of the schedule. */
  isManual?: boolean;
  /** Milliseconds until it is due; default 0. */
  delayMs?: number;
  /** Others go first: its endpoint fails, or its workspace has many on their way already. */
  isPatient?: boolean;
}

/** So many deliveries of one workspace that become due together are in nobody's way. */
const LIGHT_LOAD = 50;

/** How many deliveries of each workspace, by its id, have become due together. */
interface LoadCounts {
  get(workspaceId: string): number | undefined;
  set(workspaceId: string, count: number): unknown;
}

/**
 * Marks what must not hold up the deliveries of other workspaces: what goes to failing endpoints, and what comes in crowds.
 *
 * @param most of one workspace; the others are left out, and found by the sweeper
 * @param counts of what became due together with these before; counted on
 */
export function withPatience<T extends { workspaceId: string; isFailing: boolean }>(
  due: readonly T[],
  most = Number.POSITIVE_INFINITY,
  counts: LoadCounts = new Map<string, number>(),
): (T & { isPatient: boolean })[] {
  return due.flatMap((one) => {
    const count = (counts.get(one.workspaceId) ?? 0) + 1;
    counts.set(one.workspaceId, count);
    return count > most ? [] : [{ ...one, isPatient: one.isFailing || count > LIGHT_LOAD }];
  });
}

/**
 * The wake-up of a delivery's next attempt. Each attempt has an id of its own: the wake-up of an earlier one may still
 * be running, or may have died with its worker, and must not swallow the next.
 */
export function deliveryWakeup(due: DueDelivery): WakeupOf<'webhook-deliveries'> {
  const {
    organizationId,
    workspaceId,
    deliveryId,
    endpointId,
    attemptCount,
    isManual = false,
    isPatient = false,
    delayMs = 0,
  } = due;
  return {
    queue: 'webhook-deliveries',
    payload: { organizationId, workspaceId, deliveryId, endpointId },
    id: `delivery.${deliveryId}.${attemptCount}${isManual ? '.manual' : ''}`,
    delayMs: Math.max(0, Math.ceil(delayMs)),
    ...(isPatient && !isManual ? { priority: 'low' as const } : {}),
  };
}

/** What makes a dead letter visible among the queues, for as long as it is open. */
export function deadLetterWakeup(scope: WorkspaceScope, deadLetterId: string): WakeupOf<'dead-letters'> {
  const { organizationId, workspaceId } = scope;
  return {
    queue: 'dead-letters',
    payload: { organizationId, workspaceId, deadLetterId },
    id: deadLetterJobId(deadLetterId),
  };
}

export function deadLetterJobId(deadLetterId: string): string {
  return `dead-letter.${deadLetterId}`;
}
