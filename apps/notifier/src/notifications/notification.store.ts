import { Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { Database, Tx, WorkspaceScope } from '@houston/common/db/database.js';
import { digestText } from '@houston/common/notifications/notification-text.js';
import type { AttemptRow, DeadReason, NotificationRow } from './notification.row.js';

/** How long an attempt has, with its recording, before another process takes it for dead. */
const CLAIM_TTL_SECONDS = 30;
/** A notification that failed by our own fault comes again after this, doubled each time. */
const RELEASE_DELAY_SECONDS = 10;
const LAST_RELEASE_DOUBLING = 6;
const MAX_DIGEST_ITEMS = 100;

/** Where a notification stands after an attempt. */
export type Settlement =
  | { status: 'delivered' }
  | { status: 'failed' | 'poisoned'; lastError: string }
  | { status: 'attempted'; lastError: string; nextAttemptAt: Date };

/** Notifications, their attempts and their dead letters, in the transaction it is given. */
@Injectable()
export class NotificationStore {
  async lock(tx: Tx, id: string): Promise<NotificationRow | null> {
    const [row] = await tx.query<NotificationRow>(
      `select n.id, n.event_type, n.channel, n.member_id, n.agent_id, n.channel_id, n.title, n.text, n.subject, n.refs,
              n.critical, n.reply_url, n.digest_open, n.status, n.attempt_count, n.schedule_step, n.interruption_count,
              n.next_attempt_at, n.claimed_until, n.claimed_at,
              coalesce(w.settings #>> '{features,notifications}', 'true') = 'false' as is_paused,
              coalesce(m.email, c.address) as address, s.url, s.signing_secret is not null as has_signing_secret,
              coalesce(m.status <> 'removed', c.status = 'enabled', true) as is_reachable,
              case when n.channel = 'slack' and n.event_type = 'standup.sent' then p.slack end as slack_message,
              case when n.channel = 'email' and not n.critical then q.quiet_hours end as quiet_hours,
              n.asked_approval_id, clock_timestamp() as now
         from notifications n
         join workspaces w on w.organization_id = $1 and w.id = n.workspace_id
         left join members m on m.workspace_id = n.workspace_id and m.id = n.member_id
         left join notification_preferences q on q.workspace_id = n.workspace_id and q.member_id = n.member_id
         left join channels c on c.workspace_id = n.workspace_id and c.id = n.channel_id
         left join channel_secrets s on s.workspace_id = n.workspace_id and s.channel_id = n.channel_id
         left join standups p on p.workspace_id = n.workspace_id and p.id = uuid_or_null(n.refs ->> 'standupId')
        where n.workspace_id = $2 and n.id = $3 for no key update of n`,
      [tx.organizationId, tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** Whether the approval that a message asks for has been decided before it could be told. */
  async isDecided(tx: Tx, approvalId: string): Promise<boolean> {
    const rows = await tx.query(`select 1 from approvals where workspace_id = $1 and id = $2 and status <> 'pending'`, [
      tx.workspaceId,
      approvalId,
    ]);
    return rows.length === 1;
  }

  /** Closes a digest: what comes later opens another. @returns its words */
  async closeDigest(tx: Tx, row: NotificationRow): Promise<{ title: string; text: string }> {
    const items = await tx.query<{ title: string; text: string; total: number }>(
      `select title, text, count(*) over ()::int as total from notification_items where workspace_id = $1 and notification_id = $2
        order by event_seq limit ${MAX_DIGEST_ITEMS}`,
      [tx.workspaceId, row.id],
    );
    const words = digestText(row.event_type, items, items[0]?.total);
    await tx.query(
      'update notifications set digest_open = false, title = $3, text = $4 where workspace_id = $1 and id = $2',
      [tx.workspaceId, row.id, words.title, words.text],
    );
    return words;
  }

  /** Makes it due only then; it counts as no attempt. */
  async putOff(tx: Tx, id: string, until: Date): Promise<void> {
    await tx.query('update notifications set next_attempt_at = $3 where workspace_id = $1 and id = $2', [
      tx.workspaceId,
      id,
      until,
    ]);
  }

  /** Begins an attempt. @returns its number and its time */
  async claim(tx: Tx, id: string): Promise<{ number: number; at: Date }> {
    const [row] = await tx.query<{ number: number; at: Date }>(
      `update notifications set status = 'attempted', attempt_count = attempt_count + 1, claimed_at = clock_timestamp(),
              claimed_until = clock_timestamp() + make_interval(secs => ${CLAIM_TTL_SECONDS})
        where workspace_id = $1 and id = $2 returning attempt_count as number, claimed_at as at`,
      [tx.workspaceId, id],
    );
    if (!row) throw new Error(`Notification ${id} vanished while it was locked`);
    return row;
  }

  /** Puts an end to a claim whose process died: its attempt is on record, its outcome is not known. */
  async closeInterrupted(tx: Tx, row: NotificationRow): Promise<void> {
    if (row.claimed_at === null) return;
    const unknown = { durationMs: null, status: null, errorClass: 'interrupted', response: null };
    await this.addAttempt(tx, row.id, {
      ...{ number: row.attempt_count, at: row.claimed_at, nextAttemptAt: row.now },
      ...unknown,
    });
    await tx.query(
      `update notifications set interruption_count = interruption_count + 1, claimed_until = null, claimed_at = null
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, row.id],
    );
  }

  /** Takes back a claim whose attempt could not be made here, and puts the next one off. */
  async release(tx: Tx, id: string, number: number): Promise<void> {
    await tx.query(
      `update notifications
          set attempt_count = attempt_count - 1, interruption_count = interruption_count + 1,
              claimed_until = null, claimed_at = null,
              next_attempt_at = clock_timestamp() + make_interval(secs =>
                ${RELEASE_DELAY_SECONDS} * (2 ^ least(interruption_count, ${LAST_RELEASE_DOUBLING})))
        where workspace_id = $1 and id = $2 and attempt_count = $3 and claimed_until is not null`,
      [tx.workspaceId, id, number],
    );
  }

  /** Writes an attempt down; the true outcome replaces the one that was assumed of an interrupted attempt. */
  async addAttempt(tx: Tx, id: string, attempt: AttemptRow): Promise<void> {
    await tx.query(
      `insert into notification_attempts (organization_id, workspace_id, notification_id, number, at, duration_ms, status,
                                          error_class, response, next_attempt_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       on conflict (workspace_id, notification_id, number) do update
          set duration_ms = excluded.duration_ms, status = excluded.status, error_class = excluded.error_class,
              response = excluded.response`,
      [
        ...[tx.organizationId, tx.workspaceId, id, attempt.number, attempt.at, attempt.durationMs, attempt.status],
        ...[attempt.errorClass, attempt.response, attempt.nextAttemptAt],
      ],
    );
  }

  /** Writes down in one statement that an attempt has arrived. @returns false, having written nothing, when its claim ran out */
  async noteDelivered(db: Database, scope: WorkspaceScope, id: string, attempt: AttemptRow): Promise<boolean> {
    const [row] = await db.statement<{ noted: boolean }>(
      'select notification_delivered($1, $2, $3, $4, $5, $6, $7, $8) as noted',
      [
        ...[scope.organizationId, scope.workspaceId, id, attempt.number, attempt.at, attempt.durationMs],
        ...[attempt.status, attempt.response],
      ],
    );
    return row?.noted === true;
  }

  /** Ends the claim of an attempt. */
  async settle(tx: Tx, id: string, settlement: Settlement): Promise<void> {
    const { status } = settlement;
    await tx.query(
      `update notifications
          set status = $3, last_error = $4, next_attempt_at = $5,
              delivered_at = case when $3 = 'delivered' then clock_timestamp() end,
              reply_url = case when $3 = 'attempted' then reply_url end, digest_open = false,
              schedule_step = schedule_step + case when $3 = 'attempted' then 1 else 0 end, interruption_count = 0,
              claimed_until = null, claimed_at = null
        where workspace_id = $1 and id = $2`,
      [
        ...[tx.workspaceId, id, status],
        status === 'delivered' ? null : settlement.lastError,
        status === 'attempted' ? settlement.nextAttemptAt : null,
      ],
    );
  }

  /** @returns the id of the dead letter, also where one was open already */
  async addDeadLetter(tx: Tx, id: string, reason: DeadReason, summary: unknown): Promise<string> {
    const [row] = await tx.query<{ id: string }>(
      `insert into dead_letters (organization_id, workspace_id, id, kind, notification_id, reason, summary)
       values ($1, $2, $3, 'notification', $4, $5, $6)
       on conflict (workspace_id, notification_id) where status = 'open' do update set reason = excluded.reason
       returning id`,
      [tx.organizationId, tx.workspaceId, newId(), id, reason, JSON.stringify(summary)],
    );
    if (!row) throw new Error(`No dead letter was written for notification ${id}`);
    return row.id;
  }

  /** The secret that signs links to unsubscribe; made when it is first needed. */
  async unsubscribeSecret(tx: Tx, fresh: string): Promise<string> {
    const find = () =>
      tx.query<{ secret: string }>('select secret from unsubscribe_keys where organization_id = $1', [
        tx.organizationId,
      ]);
    const [known] = await find();
    if (known) return known.secret;
    await tx.query('insert into unsubscribe_keys (organization_id, secret) values ($1, $2) on conflict do nothing', [
      tx.organizationId,
      fresh,
    ]);
    const [made] = await find();
    if (!made) throw new Error('The key that was just written cannot be seen');
    return made.secret;
  }
}
