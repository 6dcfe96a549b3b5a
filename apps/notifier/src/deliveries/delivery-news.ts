import type { Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { DeadReason, DeliveryRow, EndpointRow } from './delivery.store.js';

const ACTOR = 'system';

/** Of an address only the host is told: its path often is a secret of its own. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

export interface GivenUp {
  reason: DeadReason;
  deadLetterId: string;
  attempts: number;
}

export async function tellExhausted(tx: Tx, delivery: DeliveryRow, { reason, deadLetterId, attempts }: GivenUp) {
  const data = {
    deliveryId: delivery.id,
    webhookId: delivery.endpoint_id,
    host: hostOf(delivery.url),
    eventId: delivery.event_id,
    eventType: delivery.type,
    reason,
    attempts,
    deadLetterId,
  };
  await appendEvent(tx, { type: 'delivery.exhausted', actor: ACTOR, subject: `delivery:${delivery.id}`, data });
}

export async function tellFailing(tx: Tx, endpoint: EndpointRow): Promise<void> {
  const data = { webhookId: endpoint.id, host: hostOf(endpoint.url), ...healthOf(endpoint) };
  await appendEvent(tx, { type: 'endpoint.failing', actor: ACTOR, subject: `webhook:${endpoint.id}`, data });
}

/** `endpoint` as it stood while it failed. */
export async function tellRecovered(tx: Tx, endpoint: EndpointRow): Promise<void> {
  const data = { webhookId: endpoint.id, host: hostOf(endpoint.url), ...healthOf(endpoint) };
  await appendEvent(tx, { type: 'delivery.recovered', actor: ACTOR, subject: `webhook:${endpoint.id}`, data });
}

/** Two acts: the webhook has changed, and its owner needs to hear that deliveries have stopped. */
export async function tellDisabled(tx: Tx, endpoint: EndpointRow, reason: 'gone' | 'failing'): Promise<void> {
  const data = { webhookId: endpoint.id, host: hostOf(endpoint.url), reason };
  const subject = `webhook:${endpoint.id}`;
  await appendEvent(tx, { type: 'webhook.disabled', actor: ACTOR, subject, data });
  await appendEvent(tx, {
    type: 'endpoint.disabled',
    actor: ACTOR,
    subject,
    data: { ...data, ...healthOf(endpoint) },
  });
}

function healthOf({ failingSince, consecutiveFailures }: EndpointRow): Record<string, unknown> {
  return { failingSince: failingSince?.toISOString() ?? null, consecutiveFailures };
}
