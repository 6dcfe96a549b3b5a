import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { Database, Tx, WorkspaceScope } from '@houston/common/db/database.js';
import { nextAttemptInMs } from '@houston/common/domain/notification-retry.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { deadLetterWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import type { ChannelFailed, ChannelOutcome } from '../channels/channel-outcome.js';
import { scopeOf } from '../deliveries/attempt-recorder.js';
import { tellLoss } from './notification-news.js';
import type { AttemptRow, DeadReason, NotificationRow } from './notification.row.js';
import { NotificationStore } from './notification.store.js';

const MAX_ERROR = 500;
const MAX_RESPONSE_BYTES = 20_480;

/** An attempt as it was begun. */
export interface NotificationAttempt {
  id: string;
  number: number;
  at: Date;
}

/** Writes down what an attempt came to, in one transaction: the attempt, its notification, its dead letter, the news. */
@Injectable()
export class OutcomeRecorder {
  constructor(
    @Inject(NotificationStore) private readonly store: NotificationStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** @returns wake-ups to add */
  async write(
    db: Database,
    scope: WorkspaceScope,
    attempt: NotificationAttempt,
    outcome: ChannelOutcome,
  ): Promise<Wakeup[]> {
    // By far the most arrive: for them one statement does.
    const hasArrived = outcome.kind === 'delivered';
    if (hasArrived && (await this.store.noteDelivered(db, scope, attempt.id, attemptRow(attempt, outcome, null))))
      return [];
    return db.inWorkspace(scope, (tx) => this.record(tx, attempt, outcome));
  }

  private async record(tx: Tx, attempt: NotificationAttempt, outcome: ChannelOutcome): Promise<Wakeup[]> {
    const row = await this.store.lock(tx, attempt.id);
    if (row === null) return [];
    if (row.claimed_until === null || row.attempt_count !== attempt.number) {
      await this.store.addAttempt(tx, row.id, attemptRow(attempt, outcome, null));
      return [];
    }
    const waitMs = outcome.kind === 'failed' ? this.waitMs(row, outcome) : null;
    const nextAttemptAt = waitMs === null ? null : new Date(row.now.getTime() + waitMs);
    await this.store.addAttempt(tx, row.id, attemptRow(attempt, outcome, nextAttemptAt));
    if (outcome.kind === 'delivered') {
      await this.store.settle(tx, row.id, { status: 'delivered' });
      return [];
    }
    const lastError = errorOf(outcome);
    if (nextAttemptAt === null) return this.giveUp(tx, row, outcome.isPermanent ? 'permanent' : 'attempts', lastError);
    await this.store.settle(tx, row.id, { status: 'attempted', lastError, nextAttemptAt });
    const { id: notificationId, channel, channel_id: channelId } = row;
    const due = { notificationId, channel, channelId, attemptCount: attempt.number, delayMs: waitMs ?? 0 };
    return [notificationWakeup({ ...scopeOf(tx), ...due })];
  }

  /** Ends a notification that is not to be sent any more: `poisoned` when everything was tried, otherwise `failed`. */
  async giveUp(tx: Tx, row: NotificationRow, reason: DeadReason, lastError: string): Promise<Wakeup[]> {
    const status = reason === 'attempts' || reason === 'poison' ? 'poisoned' : 'failed';
    await this.store.settle(tx, row.id, { status, lastError });
    const deadLetterId = await this.store.addDeadLetter(tx, row.id, reason, {
      type: row.event_type,
      channel: row.channel,
      title: row.title,
      attempts: row.attempt_count,
      lastError,
    });
    await tellLoss(tx, row, { status, reason, lastError, deadLetterId });
    return [deadLetterWakeup(scopeOf(tx), deadLetterId)];
  }

  /** Null: no further attempt. */
  private waitMs(row: NotificationRow, { isPermanent, retryAfterMs }: ChannelFailed): number | null {
    if (isPermanent) return null;
    return nextAttemptInMs({
      scheduleMs: this.config.notifyRetryScheduleMs,
      attempt: row.schedule_step + 1,
      retryAfterMs,
      random: Math.random,
    });
  }
}

function errorOf({ errorClass, status, response, detail = '' }: ChannelFailed): string {
  const answer = (response ?? detail).replace(/\s+/g, ' ').trim();
  const said = answer === '' || answer === errorClass ? '' : `: ${answer}`;
  return `${errorClass}${status === undefined ? '' : ` (${status})`}${said}`.slice(0, MAX_ERROR);
}

function attemptRow(attempt: NotificationAttempt, outcome: ChannelOutcome, nextAttemptAt: Date | null): AttemptRow {
  return {
    number: attempt.number,
    at: attempt.at,
    durationMs: outcome.durationMs,
    status: outcome.status ?? null,
    errorClass: outcome.kind === 'failed' ? outcome.errorClass : null,
    response: outcome.response === undefined ? null : storable(outcome.response),
    nextAttemptAt,
  };
}

function storable(text: string): string {
  const bytes = Buffer.from(text.replaceAll('\u0000', '\ufffd')).subarray(0, MAX_RESPONSE_BYTES);
  // A sign that was cut in two is left out.
  return new TextDecoder('utf-8').decode(bytes, { stream: true });
}
