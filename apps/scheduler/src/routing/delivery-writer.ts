import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { v7 as newId } from 'uuid';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { Tx } from '@houston/common/db/database.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { deliveryBody } from '@houston/common/webhooks/delivery-message.js';
import { deliveryWakeup, withPatience } from '@houston/common/webhooks/webhook-wakeups.js';
import type { DeliveryPlan, Told } from './delivery-plan.js';
import { FanOutStore } from './fan-out.store.js';
import { type NewDelivery, WebhookRouteStore } from './webhook-route.store.js';

const JITTER = 0.2;
/** A crowd that comes in many small batches is still one crowd. */
const TOGETHER_MS = 2_000;
const REMEMBERED_WORKSPACES = 10_000;

/** Writes the deliveries of a plan, and what it left for later. */
@Injectable()
export class DeliveryWriter {
  /** Deliveries of each workspace in the present few seconds. */
  private readonly load = new LRUCache<string, number>({
    ...{ max: REMEMBERED_WORKSPACES, ttl: TOGETHER_MS, noUpdateTTL: true },
  });

  constructor(
    @Inject(WebhookRouteStore) private readonly store: WebhookRouteStore,
    @Inject(FanOutStore) private readonly fanOuts: FanOutStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** Safe to repeat. @returns wake-ups to add after the commit */
  async write(tx: Tx, plan: DeliveryPlan): Promise<Wakeup[]> {
    await this.fanOuts.add(tx, plan.left);
    if (plan.told.length === 0) return [];
    const written = await this.store.insert(tx, this.deliveries(plan.told));
    const { organizationId } = tx;
    return withPatience(written, Number.POSITIVE_INFINITY, this.load).map(
      ({ id, workspaceId, endpointId, delayMs, isPatient }) =>
        deliveryWakeup({
          organizationId,
          workspaceId,
          deliveryId: id,
          endpointId,
          attemptCount: 0,
          delayMs,
          isPatient,
        }),
    );
  }

  private deliveries(told: readonly Told[]): NewDelivery[] {
    const bodies = new Map<string, string>();
    return told.map(({ endpoint, event }) => {
      const body = bodies.get(event.id) ?? deliveryBody(event);
      bodies.set(event.id, body);
      return {
        id: newId(),
        workspaceId: endpoint.workspaceId,
        endpointId: endpoint.id,
        eventId: event.id,
        eventSeq: event.seq,
        type: event.type,
        body,
        delayMs: this.firstDelayMs(),
        isFailing: endpoint.isFailing,
      };
    });
  }

  /** Varied like every step of the schedule. */
  private firstDelayMs(): number {
    const stepMs = this.config.webhookRetryScheduleMs[0] ?? 0;
    return Math.round(stepMs * (1 - JITTER + 2 * JITTER * Math.random()));
  }
}
