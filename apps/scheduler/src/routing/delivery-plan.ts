import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { selectsEvent } from '@houston/common/webhooks/event-pattern.js';
import { isOperational } from '@houston/common/webhooks/operational-events.js';

/** Endpoints of a workspace that are told in one turn; what is behind them, and more events, are left to the fan-out. */
export const PAGE_SIZE = 250;

export interface RoutedEndpoint {
  workspaceId: string;
  id: string;
  /** Patterns. */
  events: string[];
  /** Its last attempt failed. */
  isFailing: boolean;
}

/** Some of a workspace's endpoints, in the order of their ids. */
export interface EndpointPage {
  workspaceId: string;
  /** Where the page begins; null: with the first. */
  afterEndpointId: string | null;
  endpoints: RoutedEndpoint[];
  hasMore: boolean;
}

/** @param found one more than the page has room for tells that there are more */
export function pageOf(
  workspaceId: string,
  afterEndpointId: string | null,
  found: readonly RoutedEndpoint[],
  size: number,
): EndpointPage {
  return { workspaceId, afterEndpointId, endpoints: found.slice(0, size), hasMore: found.length > size };
}

/** An endpoint that is told of an event. */
export interface Told {
  endpoint: RoutedEndpoint;
  event: LedgerEvent;
}

/** An event of which a workspace's endpoints behind this one are still to be told; null: all of them. */
export interface FanOut {
  workspaceId: string;
  event: LedgerEvent;
  afterEndpointId: string | null;
}

export interface DeliveryPlan {
  told: Told[];
  left: FanOut[];
}

/**
 * Whom of a page to tell now, and what is left for later. However many endpoints and events there are, no more than a
 * page of endpoints beyond `most` is told at once, so that nobody else's events wait long.
 *
 * @param events in the ledger's order
 * @param most endpoints told, after which the events that follow are left
 */
export function planDeliveries(page: EndpointPage, events: readonly LedgerEvent[], most: number): DeliveryPlan {
  const { workspaceId, endpoints, hasMore, afterEndpointId } = page;
  const plan: DeliveryPlan = { told: [], left: [] };
  const reached = endpoints.at(-1)?.id ?? afterEndpointId;
  for (const event of events.filter((one) => concerns(one, workspaceId))) {
    const told = endpoints.filter((endpoint) => hears(endpoint, event)).map((endpoint) => ({ endpoint, event }));
    if (plan.told.length < most) {
      plan.told.push(...told);
      if (hasMore) plan.left.push({ workspaceId, event, afterEndpointId: reached });
    } else if (told.length > 0 || hasMore) {
      plan.left.push({ workspaceId, event, afterEndpointId });
    }
  }
  return plan;
}

/**
 * A workspace's endpoints hear of it, and of the organization's budgets, which bind its runs too; not of the
 * organization's keys and other workspaces.
 */
function concerns(event: LedgerEvent, workspaceId: string): boolean {
  return event.workspaceId === null ? event.type.startsWith('budget.') : event.workspaceId === workspaceId;
}

/** An endpoint never hears that it itself does not hear. */
function hears({ id, events }: RoutedEndpoint, event: LedgerEvent): boolean {
  if (isOperational(event.type) && event.data['webhookId'] === id) return false;
  return selectsEvent(events, event.type);
}
