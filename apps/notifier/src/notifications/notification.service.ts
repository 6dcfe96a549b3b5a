import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import type { ChannelOutcome } from '../channels/channel-outcome.js';
import { decideClaim } from '../deliveries/claim-decision.js';
import { EndpointSlots } from '../deliveries/endpoint-slots.js';
import type { WakeupAnswer } from '../wakeup-answer.js';
import { type Message, sendMessage } from './message.js';
import type { NotificationRow } from './notification.row.js';
import { NotificationStore } from './notification.store.js';
import { type NotificationAttempt, OutcomeRecorder } from './outcome-recorder.js';

const REMEMBERED = 50_000;
const SECRET_BYTES = 32;
/** All mail goes through one server. */
const MAIL_SERVER = 'mail server';
const DONE: WakeupAnswer = { kind: 'done', wakeups: [] };

type Wakeup = Payloads['notifications'];

interface Claimed {
  kind: 'claimed';
  attempt: NotificationAttempt;
  message: Message;
}

/**
 * Makes the attempt that a wake-up announces: claims it in one transaction, sends outside of any, writes the outcome down
 * in another. Whoever dies in between leaves a claim that runs out; the notification is then sent again under the same id.
 */
@Injectable()
export class NotificationService {
  private readonly slots = new EndpointSlots();
  private readonly endpoints = new LRUCache<string, string>({ max: REMEMBERED });

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(NotificationStore) private readonly store: NotificationStore,
    @Inject(OutcomeRecorder) private readonly recorder: OutcomeRecorder,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  async notify(wakeup: Wakeup): Promise<WakeupAnswer> {
    const endpoint = await this.endpointOf(wakeup);
    if (endpoint === null) return DONE;
    // The mail server is everybody's.
    const owner = endpoint === MAIL_SERVER ? MAIL_SERVER : wakeup.workspaceId;
    const waitMs = await this.slots.take(endpoint, owner);
    if (waitMs > 0) return { kind: 'snooze', delayMs: waitMs };
    let seen: { succeeded: boolean; durationMs: number } | null = null;
    try {
      const claim = await this.db.inWorkspace(wakeup, (tx) => this.claim(tx, wakeup.notificationId));
      if (claim.kind !== 'claimed') return claim;
      const outcome = await this.sendOrRelease(wakeup, claim);
      const succeeded = outcome.kind === 'delivered' || !outcome.isEndpointAtFault;
      seen = { succeeded, durationMs: outcome.durationMs };
      const wakeups = await this.db.inWorkspace(wakeup, (tx) => this.recorder.record(tx, claim.attempt, outcome));
      return { kind: 'done', wakeups };
    } finally {
      this.slots.release(endpoint, seen, owner);
    }
  }

  /** Remembered, because a notification that finds its endpoint busy comes again and again. */
  private async endpointOf(wakeup: Wakeup): Promise<string | null> {
    const key = `${wakeup.workspaceId} ${wakeup.notificationId}`;
    const known = this.endpoints.get(key);
    if (known !== undefined) return known;
    const row = await this.db.inWorkspace(wakeup, (tx) => this.store.channelOf(tx, wakeup.notificationId));
    if (row === null) return null;
    const endpoint = row.channel === 'email' ? MAIL_SERVER : (row.channel_id ?? wakeup.notificationId);
    this.endpoints.set(key, endpoint);
    return endpoint;
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
    const words = row.digest_open ? await this.store.closeDigest(tx, row) : row;
    const { number, at } = await this.store.claim(tx, row.id);
    const unsubscribeSecret = row.channel === 'email' ? await this.unsubscribeSecret(tx) : null;
    const { organizationId, workspaceId } = tx;
    const message = {
      row: { ...row, title: words.title, text: words.text },
      organizationId,
      workspaceId: workspaceId ?? '',
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
