import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { EventRoute } from '@houston/common/events/event-route.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { type EndpointPage, PAGE_SIZE, pageOf, planDeliveries, type RoutedEndpoint } from './delivery-plan.js';
import { DeliveryWriter } from './delivery-writer.js';
import { WebhookRouteStore } from './webhook-route.store.js';

/** Sent to the one endpoint that is tested, by whoever asked for the test. */
const TEST_EVENT = 'webhook.test';

/** Decides which webhooks are told of an event, and writes a delivery for each, or leaves them to the fan-out where they are many. */
@Injectable()
export class WebhookRoute extends EventRoute {
  readonly name = 'webhooks';

  constructor(
    @Inject(WebhookRouteStore) private readonly store: WebhookRouteStore,
    @Inject(DeliveryWriter) private readonly writer: DeliveryWriter,
  ) {
    super();
  }

  /** Writes in the relay's transaction; safe to repeat. @returns wake-ups to add after its commit */
  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]> {
    const routable = events.filter((event) => event.type !== TEST_EVENT);
    if (routable.length === 0) return [];
    const endpoints = await this.store.enabledEndpoints(tx, concerned(routable), null, PAGE_SIZE + 1);
    const plans = pagesOf(endpoints).map((page) => planDeliveries(page, routable, PAGE_SIZE));
    return this.writer.write(tx, {
      told: plans.flatMap((plan) => plan.told),
      left: plans.flatMap((plan) => plan.left),
    });
  }
}

/** Null: all workspaces. */
function concerned(events: readonly LedgerEvent[]): string[] | null {
  const ids = new Set(events.map((event) => event.workspaceId));
  return ids.has(null) ? null : ([...ids] as string[]);
}

function pagesOf(endpoints: readonly RoutedEndpoint[]): EndpointPage[] {
  const own = new Map<string, RoutedEndpoint[]>();
  for (const endpoint of endpoints) {
    const others = own.get(endpoint.workspaceId);
    if (others) others.push(endpoint);
    else own.set(endpoint.workspaceId, [endpoint]);
  }
  return [...own].map(([workspaceId, first]) => pageOf(workspaceId, null, first, PAGE_SIZE));
}
