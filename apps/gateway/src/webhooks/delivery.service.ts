import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import type { WakeupOf } from '@houston/common/queues/queues.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import { DeliveryStore } from './delivery.store.js';
import {
  attemptResponseView,
  type AttemptResponseView,
  attemptView,
  type DeliveryDetailView,
  deliveryView,
  type DeliveryView,
} from './delivery.view.js';
import { Wakeups } from './wakeups.js';
import { requireEnabled } from './webhook.service.js';
import { WebhookStore } from './webhook.store.js';

/** What people see of deliveries, and what they ask of them. */
@Injectable()
export class DeliveryService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeliveryStore) private readonly store: DeliveryStore,
    @Inject(WebhookStore) private readonly webhooks: WebhookStore,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
  ) {}

  /** One more than `limit`, when there are more; newest first. @throws Problem not_found */
  list(
    caller: Caller,
    webhookId: string,
    filter: { status?: string; afterId: string | null; limit: number },
  ): Promise<DeliveryView[]> {
    return this.db.inWorkspace(caller, async (tx) => {
      if (!(await this.webhooks.find(tx, webhookId))) throw notFound();
      const rows = await this.store.list(tx, webhookId, filter);
      const attempts = await this.store.attempts(
        tx,
        rows.map((row) => row.id),
      );
      const attemptsOf = (id: string) => attempts.filter((attempt) => attempt.delivery_id === id);
      return rows.map((row) => deliveryView(row, attemptsOf(row.id).map(attemptView)));
    });
  }

  /** With what was sent and what was answered. @throws Problem not_found */
  find(caller: Caller, webhookId: string, id: string): Promise<DeliveryDetailView> {
    return this.db.inWorkspace(caller, (tx) => this.detail(tx, webhookId, id));
  }

  /** Makes one attempt now, beside the schedule, in whatever status. @throws Problem not_found, conflict */
  async redeliver(caller: Caller, webhookId: string, id: string): Promise<DeliveryDetailView> {
    const { view, attemptCount } = await this.db.inWorkspace(caller, async (tx) => {
      const webhook = await this.webhooks.lock(tx, webhookId);
      if (webhook === null) throw notFound();
      const begun = await this.store.requestAttempt(tx, webhookId, id);
      if (begun === null) throw notFound();
      requireEnabled(webhook.status);
      return { view: await this.detail(tx, webhookId, id), attemptCount: begun };
    });
    const { organizationId, workspaceId } = caller;
    await this.wakeups.add(
      deliveryWakeup({
        organizationId,
        workspaceId,
        deliveryId: id,
        endpointId: webhookId,
        attemptCount,
        isManual: true,
      }),
    );
    return view;
  }

  /** Begins the schedule anew, in a transaction of others. @returns the wake-up to add after the commit */
  async restart(tx: Tx, caller: Caller, id: string, delayMs: number): Promise<WakeupOf<'webhook-deliveries'>> {
    const { organizationId, workspaceId } = caller;
    const { endpointId, attemptCount } = await this.store.restart(tx, id, delayMs);
    return deliveryWakeup({ organizationId, workspaceId, deliveryId: id, endpointId, attemptCount, delayMs });
  }

  /** Keeps everybody else from a delivery until the transaction ends. @throws Problem conflict when nothing may be sent */
  async lockForRestart(tx: Tx, id: string): Promise<void> {
    const delivery = await this.store.lockWithEndpoint(tx, id);
    if (delivery === null) throw new Problem('conflict', { detail: 'The delivery exists no more.' });
    requireEnabled(delivery.endpoint_status);
  }

  async history(tx: Tx, id: string): Promise<AttemptResponseView[]> {
    return (await this.store.attemptsWithResponse(tx, id)).map(attemptResponseView);
  }

  private async detail(tx: Tx, webhookId: string, id: string): Promise<DeliveryDetailView> {
    const row = await this.store.find(tx, webhookId, id);
    if (!row) throw notFound();
    return { ...deliveryView(row, await this.history(tx, id)), body: row.body };
  }
}
