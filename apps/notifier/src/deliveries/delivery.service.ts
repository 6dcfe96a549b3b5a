import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { Payloads, Wakeup } from '@houston/common/queues/queues.js';
import { messageId } from '@houston/common/webhooks/delivery-message.js';
import { sign } from '@houston/common/webhooks/signature.js';
import { sendWebhook, type WebhookOutcome } from '../channels/webhook.js';
import { type Attempt, AttemptRecorder } from './attempt-recorder.js';
import { decideClaim } from './claim-decision.js';
import { type DeliveryRow, DeliveryStore, type Trigger } from './delivery.store.js';
import { EndpointSlots } from './endpoint-slots.js';

const ATTEMPT_DEADLINE_MS = 15_000;

export type DeliveryAnswer =
  /** Nothing more to do for this wake-up; `wakeups` are to be added. */
  | { kind: 'done'; wakeups: Wakeup[] }
  /** Not now: come again. */
  | { kind: 'snooze'; delayMs: number };

interface Claimed {
  kind: 'claimed';
  attempt: Attempt;
  url: string;
  eventId: string;
  body: string;
  secrets: string[];
}

/**
 * Makes the attempt that a wake-up announces: claims it in one transaction, sends outside of any, writes the outcome
 * down in another. Whoever dies in between leaves a claim that runs out; the delivery is then sent again under the same
 * `webhook-id`.
 */
@Injectable()
export class DeliveryService {
  private readonly slots = new EndpointSlots();

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeliveryStore) private readonly store: DeliveryStore,
    @Inject(AttemptRecorder) private readonly recorder: AttemptRecorder,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  async deliver(wakeup: Payloads['webhook-deliveries']): Promise<DeliveryAnswer> {
    const claim = await this.db.inWorkspace(wakeup, (tx) => this.claim(tx, wakeup.deliveryId));
    if (claim.kind !== 'claimed') return claim;
    const { attempt } = claim;
    let outcome: WebhookOutcome | null = null;
    try {
      outcome = await this.send(claim);
      const seen = outcome;
      const wakeups = await this.db.inWorkspace(wakeup, (tx) => this.recorder.record(tx, attempt, seen));
      return { kind: 'done', wakeups };
    } catch (error) {
      // Sent but not recorded: the claim stays, so that nobody counts it as an attempt that was not made.
      if (outcome === null) {
        await this.db.inWorkspace(wakeup, (tx) => this.store.release(tx, attempt.deliveryId, attempt.number));
      }
      throw error;
    } finally {
      const seen = outcome && { succeeded: outcome.kind === 'delivered', durationMs: outcome.durationMs };
      this.slots.release(attempt.endpointId, seen);
    }
  }

  private async claim(tx: Tx, deliveryId: string): Promise<DeliveryAnswer | Claimed> {
    const row = await this.store.lock(tx, deliveryId);
    if (row === null) return { kind: 'done', wakeups: [] };
    const decision = decideClaim({
      status: row.status,
      dueAt: row.due_at,
      manualAttemptAt: row.manual_attempt_at,
      claimedUntil: row.claimed_until,
      interruptionCount: row.interruption_count,
      endpointStatus: row.endpoint_status,
      now: row.now,
    });
    switch (decision.kind) {
      case 'settled':
      case 'taken':
        return { kind: 'done', wakeups: [] };
      case 'early':
        return { kind: 'snooze', delayMs: decision.waitMs };
      case 'give-up':
        await this.store.closeInterrupted(tx, row);
        return { kind: 'done', wakeups: await this.recorder.giveUp(tx, row, decision.reason, null) };
      case 'attempt':
        return this.begin(tx, row, decision.trigger);
    }
  }

  private async begin(tx: Tx, row: DeliveryRow, trigger: Trigger): Promise<DeliveryAnswer | Claimed> {
    const waitMs = this.slots.waitMs(row.endpoint_id);
    if (waitMs > 0) return { kind: 'snooze', delayMs: waitMs };
    this.slots.take(row.endpoint_id);
    try {
      await this.store.closeInterrupted(tx, row);
      const { number, at } = await this.store.claim(tx, row.id, trigger);
      const secrets = await this.store.secrets(tx, row.endpoint_id);
      const attempt = { deliveryId: row.id, endpointId: row.endpoint_id, number, trigger, at };
      return { kind: 'claimed', attempt, url: row.url, eventId: row.event_id, body: row.body, secrets };
    } catch (error) {
      this.slots.release(row.endpoint_id, null);
      throw error;
    }
  }

  private send({ attempt, url, eventId, body, secrets }: Claimed): Promise<WebhookOutcome> {
    const id = messageId(eventId);
    const timestampSeconds = Math.floor(attempt.at.getTime() / 1_000);
    return sendWebhook({
      url,
      body,
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': sign({ id, timestampSeconds, body, secrets }),
      },
      allowCidrs: this.config.webhookAllowCidrs,
      deadlineMs: ATTEMPT_DEADLINE_MS,
    });
  }
}
