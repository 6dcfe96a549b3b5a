import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { Tx } from '@houston/common/db/database.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { deadLetterWakeup, deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { afterAttempt, isKnownToFail, mayRaiseEvents } from '../channels/endpoint-health.js';
import type { WebhookOutcome } from '../channels/webhook.js';
import { type AttemptVerdict, judgeAttempt } from './attempt-verdict.js';
import { hostOf, tellDisabled, tellExhausted, tellFailing, tellRecovered } from './delivery-news.js';
import {
  type AttemptRow,
  type DeadReason,
  type DeliveryRow,
  DeliveryStore,
  type EndpointRow,
  type Trigger,
} from './delivery.store.js';

/** An attempt as it was begun. */
export interface Attempt {
  deliveryId: string;
  endpointId: string;
  number: number;
  trigger: Trigger;
  at: Date;
}

/** Writes down what an attempt came to, in one transaction: the attempt, its delivery, its endpoint, and the news. */
@Injectable()
export class AttemptRecorder {
  constructor(
    @Inject(DeliveryStore) private readonly store: DeliveryStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** @returns wake-ups to add after the commit */
  async record(tx: Tx, attempt: Attempt, outcome: WebhookOutcome): Promise<Wakeup[]> {
    // The endpoint before its deliveries, as everybody locks them.
    const endpoint = await this.endpoint(tx, attempt.endpointId, outcome);
    const delivery = await this.store.lock(tx, attempt.deliveryId);
    if (endpoint === null || delivery === null) return [];
    if (delivery.claimed_until === null || delivery.attempt_count !== attempt.number) {
      await this.store.addAttempt(tx, delivery.id, attemptRow(attempt, outcome, null));
      return [];
    }
    const verdict = judgeAttempt({
      trigger: attempt.trigger,
      status: delivery.status,
      scheduleStep: delivery.schedule_step,
      scheduleMs: this.config.webhookRetryScheduleMs,
      outcome,
      now: delivery.now,
      random: Math.random,
    });
    const nextAttemptAt = verdict.kind === 'retry' ? verdict.at : null;
    await this.store.addAttempt(tx, delivery.id, attemptRow(attempt, outcome, nextAttemptAt));
    await this.noteHealth(tx, endpoint, delivery.type, outcome);
    return this.follow(tx, delivery, attempt.trigger, verdict, outcome);
  }

  /** Ends a delivery that is not to be sent any more. One that is not pending only loses the attempt asked for. */
  async giveUp(tx: Tx, delivery: DeliveryRow, reason: DeadReason, last: WebhookOutcome | null): Promise<Wakeup[]> {
    if (delivery.status !== 'pending') {
      await this.store.settle(tx, delivery.id, 'manual', { isStep: false });
      return [];
    }
    await this.store.settle(tx, delivery.id, 'automatic', { status: 'exhausted', isStep: false });
    const summary = {
      type: delivery.type,
      eventId: delivery.event_id,
      webhookId: delivery.endpoint_id,
      host: hostOf(delivery.url),
      attempts: delivery.attempt_count,
      ...(last?.status === undefined ? {} : { lastStatus: last.status }),
      ...(last?.kind === 'failed' ? { lastErrorClass: last.errorClass } : {}),
    };
    const deadLetterId = await this.store.addDeadLetter(tx, delivery.id, reason, summary);
    if (mayRaiseEvents(delivery.type)) {
      await tellExhausted(tx, delivery, { reason, deadLetterId, attempts: delivery.attempt_count });
    }
    return [deadLetterWakeup(scopeOf(tx), deadLetterId)];
  }

  private async endpoint(tx: Tx, id: string, outcome: WebhookOutcome): Promise<EndpointRow | null> {
    const known = outcome.kind === 'delivered' ? await this.store.endpointWithoutFault(tx, id) : null;
    return known ?? this.store.lockEndpoint(tx, id);
  }

  private async follow(
    tx: Tx,
    delivery: DeliveryRow,
    trigger: Trigger,
    verdict: AttemptVerdict,
    outcome: WebhookOutcome,
  ): Promise<Wakeup[]> {
    switch (verdict.kind) {
      case 'delivered': {
        await this.store.closeDeadLetter(tx, delivery.id);
        return wakeupsOf(
          tx,
          delivery,
          await this.store.settle(tx, delivery.id, trigger, { status: 'delivered', isStep: false }),
        );
      }
      case 'retry': {
        const change = { nextAttemptAt: verdict.at, isStep: true };
        return wakeupsOf(tx, delivery, await this.store.settle(tx, delivery.id, trigger, change));
      }
      case 'unchanged':
        return wakeupsOf(tx, delivery, await this.store.settle(tx, delivery.id, trigger, { isStep: false }));
      case 'exhausted':
        return this.giveUp(tx, delivery, verdict.reason, outcome);
    }
  }

  private async noteHealth(tx: Tx, endpoint: EndpointRow, eventType: string, outcome: WebhookOutcome): Promise<void> {
    const succeeded = outcome.kind === 'delivered';
    const { health, raises } = afterAttempt(endpoint, { eventType, succeeded, now: endpoint.now });
    const isNew = health.consecutiveFailures !== endpoint.consecutiveFailures;
    if (isNew) await this.store.saveHealth(tx, endpoint.id, health);
    if (succeeded && isKnownToFail(endpoint)) await tellRecovered(tx, endpoint);
    if (raises === 'endpoint.failing') await tellFailing(tx, { ...endpoint, ...health });
    if (endpoint.status === 'disabled') return;
    const reason = outcome.kind === 'gone' ? 'gone' : raises === 'endpoint.disabled' ? 'failing' : null;
    if (reason === null) return;
    await this.store.disableEndpoint(tx, endpoint.id, reason);
    await tellDisabled(tx, { ...endpoint, ...health }, reason);
  }
}

function attemptRow(attempt: Attempt, outcome: WebhookOutcome, nextAttemptAt: Date | null): AttemptRow {
  return {
    number: attempt.number,
    trigger: attempt.trigger,
    at: attempt.at,
    durationMs: outcome.durationMs,
    status: outcome.status ?? null,
    errorClass: outcome.kind === 'failed' ? outcome.errorClass : outcome.kind === 'gone' ? 'http_error' : null,
    response: outcome.response?.body ?? null,
    isResponseTruncated: outcome.response?.isTruncated ?? false,
    nextAttemptAt,
  };
}

function wakeupsOf(tx: Tx, delivery: DeliveryRow, dueAt: Date | null): Wakeup[] {
  if (dueAt === null) return [];
  const { id: deliveryId, endpoint_id: endpointId, attempt_count: attemptCount, now } = delivery;
  const delayMs = dueAt.getTime() - now.getTime();
  return [deliveryWakeup({ ...scopeOf(tx), deliveryId, endpointId, attemptCount, delayMs, isPatient: true })];
}

/** The workspace that a transaction of the notifier speaks for. */
export function scopeOf({ organizationId, workspaceId }: Tx): { organizationId: string; workspaceId: string } {
  if (workspaceId === null) throw new Error('What is delivered belongs to a workspace');
  return { organizationId, workspaceId };
}
