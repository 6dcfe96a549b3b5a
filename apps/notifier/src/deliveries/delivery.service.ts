import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { messageId } from '@houston/common/webhooks/delivery-message.js';
import { sign } from '@houston/common/webhooks/signature.js';
import { sendWebhook, type WebhookOutcome } from '../channels/webhook.js';
import type { WakeupAnswer } from '../wakeup-answer.js';
import { type Attempt, AttemptRecorder } from './attempt-recorder.js';
import { decideClaim } from './claim-decision.js';
import { type DeliveryRow, DeliveryStore, type Trigger } from './delivery.store.js';
import { EndpointSlots } from './endpoint-slots.js';

const ATTEMPT_DEADLINE_MS = 15_000;
const LONGEST_SNOOZE_MS = 2_000;
/** For what is not put off: somebody asked for it, or it is not due. */
const LONGEST_RETURN_MS = 60_000;

type AttemptSeen = { succeeded: boolean; durationMs: number };

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

  async deliver(wakeup: Payloads['webhook-deliveries']): Promise<WakeupAnswer> {
    const { endpointId, workspaceId } = wakeup;
    const waitMs = await this.slots.take(endpointId, workspaceId);
    if (waitMs > 0) return this.later(wakeup, waitMs);
    let seen: AttemptSeen | null = null;
    try {
      const claim = await this.db.inWorkspace(wakeup, (tx) => this.claim(tx, wakeup.deliveryId));
      if (claim.kind !== 'claimed') return claim;
      const outcome = await this.sendOrRelease(wakeup, claim);
      seen = { succeeded: outcome.kind === 'delivered', durationMs: outcome.durationMs };
      const wakeups = await this.db.inWorkspace(wakeup, (tx) => this.recorder.record(tx, claim.attempt, outcome));
      return { kind: 'done', wakeups };
    } finally {
      this.slots.release(endpointId, seen, workspaceId);
    }
  }

  /**
   * Its endpoint, or its workspace, has no room. A short while it waits in the queue; what has to wait longer is put off in
   * its row and found by the sweeper, so that thousands of dead endpoints do not fill the queue by coming again and again.
   */
  private async later(wakeup: Payloads['webhook-deliveries'], waitMs: number): Promise<WakeupAnswer> {
    const isPutOff =
      waitMs > LONGEST_SNOOZE_MS &&
      (await this.db.inWorkspace(wakeup, (tx) => this.store.putOff(tx, wakeup.deliveryId, waitMs)));
    if (isPutOff) return { kind: 'done', wakeups: [] };
    return { kind: 'snooze', delayMs: Math.min(waitMs, LONGEST_RETURN_MS) };
  }

  /** An attempt that could not be made here is taken back; once it was sent the claim stays, whatever happens. */
  private async sendOrRelease(wakeup: Payloads['webhook-deliveries'], claim: Claimed): Promise<WebhookOutcome> {
    try {
      return await this.send(claim);
    } catch (error) {
      const { deliveryId, number } = claim.attempt;
      await this.db.inWorkspace(wakeup, (tx) => this.store.release(tx, deliveryId, number));
      throw error;
    }
  }

  private async claim(tx: Tx, deliveryId: string): Promise<WakeupAnswer | Claimed> {
    const row = await this.store.lock(tx, deliveryId);
    if (row === null) return { kind: 'done', wakeups: [] };
    const decision = decideClaim({
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

  private async begin(tx: Tx, row: DeliveryRow, trigger: Trigger): Promise<Claimed> {
    await this.store.closeInterrupted(tx, row);
    const { number, at } = await this.store.claim(tx, row.id, trigger);
    const secrets = await this.store.secrets(tx, row.endpoint_id);
    const attempt = { deliveryId: row.id, endpointId: row.endpoint_id, number, trigger, at };
    return { kind: 'claimed', attempt, url: row.url, eventId: row.event_id, body: row.body, secrets };
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
