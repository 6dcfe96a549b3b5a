import { isOperational } from '@houston/common/webhooks/operational-events.js';

const FAILURE_LIMIT = 10;
const FAILING_LIMIT_MS = 5 * 24 * 3600 * 1_000;

export interface EndpointHealth {
  /** Time of the first failure since the last success; null while healthy. */
  failingSince: Date | null;
  consecutiveFailures: number;
}

export interface HealthVerdict {
  health: EndpointHealth;
  /** `endpoint.failing` once, at the tenth failure in a row; `endpoint.disabled` when that has lasted five days. */
  raises: 'endpoint.failing' | 'endpoint.disabled' | null;
}

/** Whether failing to deliver an event of this type may lead to further events: never for news about deliveries. */
export function mayRaiseEvents(eventType: string): boolean {
  return !isOperational(eventType);
}

/** Whether `endpoint.failing` has been told and a success is therefore news. */
export function isKnownToFail({ consecutiveFailures }: EndpointHealth): boolean {
  return consecutiveFailures >= FAILURE_LIMIT;
}

/** How an endpoint stands after an attempt. Failures to deliver news about deliveries are not held against it. */
export function afterAttempt(
  health: EndpointHealth,
  attempt: { eventType: string; succeeded: boolean; now: Date },
): HealthVerdict {
  if (attempt.succeeded) return { health: { failingSince: null, consecutiveFailures: 0 }, raises: null };
  if (!mayRaiseEvents(attempt.eventType)) return { health, raises: null };
  const failingSince = health.failingSince ?? attempt.now;
  const consecutiveFailures = health.consecutiveFailures + 1;
  const isOld = attempt.now.getTime() - failingSince.getTime() >= FAILING_LIMIT_MS;
  const next = { failingSince, consecutiveFailures };
  if (isOld && consecutiveFailures >= FAILURE_LIMIT) return { health: next, raises: 'endpoint.disabled' };
  return { health: next, raises: consecutiveFailures === FAILURE_LIMIT ? 'endpoint.failing' : null };
}
