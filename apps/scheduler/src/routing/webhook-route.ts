import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { Tx } from '@houston/common/db/database.js';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { EventRoute } from '@houston/common/events/event-route.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { deliveryBody } from '@houston/common/webhooks/delivery-message.js';
import { selectsEvent } from '@houston/common/webhooks/event-pattern.js';
import { isOperational } from '@houston/common/webhooks/operational-events.js';
import { deliveryWakeup, withPatience } from '@houston/common/webhooks/webhook-wakeups.js';
import { type NewDelivery, type RoutedEndpoint, WebhookRouteStore } from './webhook-route.store.js';

/** Sent to the one endpoint that is tested, by whoever asked for the test. */
const TEST_EVENT = 'webhook.test';
const JITTER = 0.2;
/** Of one workspace at a time: adding a wake-up takes its time, in which the events of others wait to be routed. */
const MOST_WAKEUPS = 2_000;

/** Decides which webhooks are told of an event, and writes a delivery for each. */
@Injectable()
export class WebhookRoute extends EventRoute {
  readonly name = 'webhooks';

  constructor(
    @Inject(WebhookRouteStore) private readonly store: WebhookRouteStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {
    super();
  }

  /** Writes in the relay's transaction; safe to repeat. @returns wake-ups to add after its commit */
  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]> {
    const routable = events.filter((event) => event.type !== TEST_EVENT);
    if (routable.length === 0) return [];
    const endpoints = await this.store.enabledEndpoints(
      tx,
      routable.map((event) => event.workspaceId),
    );
    const deliveries = endpoints.flatMap((endpoint) => this.deliveriesTo(endpoint, routable));
    if (deliveries.length === 0) return [];
    const written = await this.store.insert(tx, deliveries);
    const { organizationId } = tx;
    return withPatience(written, MOST_WAKEUPS).map(({ id, workspaceId, delayMs, isPatient }) =>
      deliveryWakeup({ organizationId, workspaceId, deliveryId: id, attemptCount: 0, delayMs, isPatient }),
    );
  }

  private deliveriesTo(endpoint: RoutedEndpoint, events: readonly LedgerEvent[]): NewDelivery[] {
    return events
      .filter((event) => isTold(endpoint, event))
      .map((event) => ({
        id: newId(),
        workspaceId: endpoint.workspaceId,
        endpointId: endpoint.id,
        eventId: event.id,
        eventSeq: event.seq,
        type: event.type,
        body: deliveryBody(event),
        delayMs: this.firstDelayMs(),
        isFailing: endpoint.isFailing,
      }));
  }

  /** Varied like every step of the schedule. */
  private firstDelayMs(): number {
    const stepMs = this.config.webhookRetryScheduleMs[0] ?? 0;
    return Math.round(stepMs * (1 - JITTER + 2 * JITTER * Math.random()));
  }
}

/**
 * An endpoint hears of its own workspace, and of the organization's budgets, which bind its runs too; not of the
 * organization's keys and other workspaces. And never that it itself does not hear.
 */
function isTold({ id, workspaceId, events }: RoutedEndpoint, event: LedgerEvent): boolean {
  if (event.workspaceId === null ? !event.type.startsWith('budget.') : event.workspaceId !== workspaceId) return false;
  if (isOperational(event.type) && event.data['webhookId'] === id) return false;
  return selectsEvent(events, event.type);
}
