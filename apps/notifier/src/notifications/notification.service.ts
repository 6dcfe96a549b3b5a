import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { MAIL_SERVER } from '@houston/common/notifications/notification-wakeup.js';
import { quietUntil } from '@houston/common/notifications/quiet-hours.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import type { ChannelOutcome } from '../channels/channel-outcome.js';
import { decideClaim } from '../deliveries/claim-decision.js';
import { type EndpointSight, EndpointSlots } from '../deliveries/endpoint-slots.js';
import type { WakeupAnswer } from '../wakeup-answer.js';
import { type Message, sendMessage } from './message.js';
import type { NotificationRow } from './notification.row.js';
import { NotificationStore } from './notification.store.js';
import { type NotificationAttempt, OutcomeRecorder } from './outcome-recorder.js';

const SECRET_BYTES = 32;
const DONE: WakeupAnswer = { kind: 'done', wakeups: [] };

type Wakeup = Payloads['notifications'];

interface Claimed {
  kind: 'claimed';
  attempt: NotificationAttempt;
  message: Message;
}

interface Sent {
  attempt: NotificationAttempt;
  outcome: ChannelOutcome;
}

/**
 * Makes the attempt that a wake-up announces: claims it in one transaction, sends outside of any, writes the outcome down
 * in another. Whoever dies in between leaves a claim that runs out; the notification is then sent again under the same id.
 */
@Injectable()
export class NotificationService {
  private readonly slots = new EndpointSlots();

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(NotificationStore) private readonly store: NotificationStore,
    @Inject(OutcomeRecorder) private readonly recorder: OutcomeRecorder,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  async notify(wakeup: Wakeup): Promise<WakeupAnswer> {
    const { endpointId, workspaceId } = wakeup;
    // The mail server is everybody's.
    const owner = endpointId === MAIL_SERVER ? MAIL_SERVER : workspaceId;
    const waitMs = await this.slots.take(endpointId, owner);
    if (waitMs > 0) return { kind: 'snooze', delayMs: waitMs };
    const takenAtMs = performance.now();
    let seen: EndpointSight | null = null;
    let sent: Sent;
    try {
      const claim = await this.db.inWorkspace(wakeup, (tx) => this.claim(tx, wakeup.notificationId));
      if (claim.kind !== 'claimed') return claim;
      const outcome = await this.sendOrRelease(wakeup, claim);
      const succeeded = outcome.kind === 'delivered' || !outcome.isEndpointAtFault;
      // With the claim: so long each one keeps its slot.
      const restMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
      seen = { succeeded, durationMs: performance.now() - takenAtMs, ...(restMs === undefined ? {} : { restMs }) };
      sent = { attempt: claim.attempt, outcome };
    } finally {
      this.slots.release(endpointId, seen, owner);
    }
    return { kind: 'done', wakeups: await this.recorder.write(this.db, wakeup, sent.attempt, sent.outcome) };
  }

  /** An attempt that could not be made here is taken back; once it was sent the claim stays, whatever happens. */
  private async sendOrRelease(wakeup: Wakeup, { attempt, message }: Claimed): Promise<ChannelOutcome> {
    try {
      return await sendMessage(message, this.config);
    } catch (error) {
      await this.db.inWorkspace(wakeup, (tx) => this.store.release(tx, attempt.id, attempt.number));
      throw error;
    }
  }

  private async claim(tx: Tx, id: string): Promise<WakeupAnswer | Claimed> {
    const row = await this.store.lock(tx, id);
    // One that is paused stays due: the sweeper wakes it when the workspace has switched notifications on again.
    if (row === null || row.is_paused) return DONE;
    const decision = decideClaim({
      dueAt: row.next_attempt_at,
      manualAttemptAt: null,
      claimedUntil: row.claimed_until,
      interruptionCount: row.interruption_count,
      endpointStatus: row.is_reachable ? 'enabled' : 'disabled',
      now: row.now,
    });
    switch (decision.kind) {
      case 'settled':
      case 'taken':
        return DONE;
      case 'early':
        return { kind: 'snooze', delayMs: decision.waitMs };
      case 'give-up':
        await this.store.closeInterrupted(tx, row);
        return {
          kind: 'done',
          wakeups: await this.recorder.giveUp(tx, row, decision.reason, lastWord(decision.reason)),
        };
      case 'attempt':
        return this.begin(tx, row);
    }
  }

  private async begin(tx: Tx, row: NotificationRow): Promise<WakeupAnswer | Claimed> {
    if (row.channel === 'agent') {
      const wakeups = await this.recorder.giveUp(tx, row, 'timeout', 'not_taken: the agent did not ask for it in time');
      return { kind: 'done', wakeups };
    }
    await this.store.closeInterrupted(tx, row);
    // Retried, or held back until now: the night may have begun meanwhile.
    const quietEnd = row.quiet_hours === null ? null : quietUntil(row.quiet_hours, row.now);
    if (quietEnd !== null) {
      await this.store.putOff(tx, row.id, quietEnd);
      return { kind: 'snooze', delayMs: quietEnd.getTime() - row.now.getTime() };
    }
    const words = row.digest_open ? await this.store.closeDigest(tx, row) : row;
    const { number, at } = await this.store.claim(tx, row.id);
    const unsubscribeSecret = row.channel === 'email' ? await this.unsubscribeSecret(tx) : null;
    const { organizationId, workspaceId } = tx;
    const message = {
      row: { ...row, title: words.title, text: words.text },
      organizationId,
      workspaceId: workspaceId ?? '',
      isDecided: row.asked_approval_id !== null && (await this.store.isDecided(tx, row.asked_approval_id)),
      unsubscribeSecret,
    };
    return { kind: 'claimed', attempt: { id: row.id, number, at }, message };
  }

  private async unsubscribeSecret(tx: Tx): Promise<string | null> {
    if (this.config.publicUrl === undefined) return null;
    return this.store.unsubscribeSecret(tx, randomBytes(SECRET_BYTES).toString('base64url'));
  }
}

function lastWord(reason: 'permanent' | 'poison'): string {
  return reason === 'permanent'
    ? 'recipient_gone: it is disabled, or was removed'
    : 'interrupted: whoever sent it died every time';
}
