import { Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { Tx } from '@houston/common/db/database.js';
import type { EndpointHealth } from '../channels/endpoint-health.js';

/** How long an attempt has, with its recording, before another process takes it for dead. */
const CLAIM_TTL_SECONDS = 30;
/** A delivery that failed by our own fault comes again after this, doubled each time. */
const RELEASE_DELAY_SECONDS = 10;

export type Trigger = 'automatic' | 'manual';
export type DeadReason = 'attempts' | 'permanent' | 'poison';

export interface DeliveryRow {
  id: string;
  endpoint_id: string;
  event_id: string;
  type: string;
  body: string;
  status: 'pending' | 'delivered' | 'exhausted';
  attempt_count: number;
  schedule_step: number;
  interruption_count: number;
  manual_attempt_at: Date | null;
  due_at: Date | null;
  claimed_until: Date | null;
  claimed_trigger: Trigger | null;
  claimed_at: Date | null;
  url: string;
  endpoint_status: 'enabled' | 'disabled';
  /** The database's clock. */
  now: Date;
}

export interface EndpointRow extends EndpointHealth {
  id: string;
  url: string;
  status: 'enabled' | 'disabled';
  now: Date;
}

export interface AttemptRow {
  number: number;
  trigger: Trigger;
  at: Date;
  durationMs: number | null;
  status: number | null;
  errorClass: string | null;
  response: string | null;
  isResponseTruncated: boolean;
  nextAttemptAt: Date | null;
}

/** Where a delivery stands after an attempt; what is left out stays. */
export interface DeliveryChange {
  status?: 'delivered' | 'exhausted';
  nextAttemptAt?: Date | null;
  isStep: boolean;
}

const ENDPOINT = `
  select id, url, status, failing_since as "failingSince", consecutive_failures as "consecutiveFailures",
         clock_timestamp() as now
    from webhook_endpoints where workspace_id = $1 and id = $2`;

/** Deliveries, their attempts and the health of their endpoints, in the transaction it is given. */
@Injectable()
export class DeliveryStore {
  async lock(tx: Tx, id: string): Promise<DeliveryRow | null> {
    const [row] = await tx.query<DeliveryRow>(
      `select d.id, d.endpoint_id, d.event_id, d.type, d.body, d.status, d.attempt_count, d.schedule_step,
              d.interruption_count, d.manual_attempt_at, d.due_at, d.claimed_until, d.claimed_trigger, d.claimed_at,
              e.url, e.status as endpoint_status, clock_timestamp() as now
         from deliveries d join webhook_endpoints e on e.workspace_id = d.workspace_id and e.id = d.endpoint_id
        where d.workspace_id = $1 and d.id = $2 for no key update of d`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** Begins an attempt. @returns its number and its time */
  async claim(tx: Tx, id: string, trigger: Trigger): Promise<{ number: number; at: Date }> {
    const [row] = await tx.query<{ number: number; at: Date }>(
      `update deliveries set attempt_count = attempt_count + 1, claimed_trigger = $3, claimed_at = clock_timestamp(),
              claimed_until = clock_timestamp() + make_interval(secs => ${CLAIM_TTL_SECONDS})
        where workspace_id = $1 and id = $2 returning attempt_count as number, claimed_at as at`,
      [tx.workspaceId, id, trigger],
    );
    if (!row) throw new Error(`Delivery ${id} vanished while it was locked`);
    return row;
  }

  /** Secrets that sign now, newest first. */
  async secrets(tx: Tx, endpointId: string): Promise<string[]> {
    const rows = await tx.query<{ secret: string }>(
      `select secret from webhook_secrets
        where workspace_id = $1 and endpoint_id = $2 and (valid_until is null or valid_until > now())
        order by number desc`,
      [tx.workspaceId, endpointId],
    );
    return rows.map((row) => row.secret);
  }

  /** Puts an end to a claim whose process died: its attempt is on record, its outcome is not known. */
  async closeInterrupted(tx: Tx, row: DeliveryRow): Promise<void> {
    if (row.claimed_trigger === null || row.claimed_at === null) return;
    await this.addAttempt(tx, row.id, {
      number: row.attempt_count,
      trigger: row.claimed_trigger,
      at: row.claimed_at,
      durationMs: null,
      status: null,
      errorClass: 'interrupted',
      response: null,
      isResponseTruncated: false,
      nextAttemptAt: row.now,
    });
    await tx.query(
      `update deliveries set interruption_count = interruption_count + 1,
              claimed_until = null, claimed_trigger = null, claimed_at = null
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, row.id],
    );
  }

  /** Takes back a claim whose attempt could not be made here, and puts the next one off. */
  async release(tx: Tx, id: string, number: number): Promise<void> {
    await tx.query(
      `update deliveries set attempt_count = attempt_count - 1, interruption_count = interruption_count + 1,
              claimed_until = null, claimed_trigger = null, claimed_at = null,
              next_attempt_at = case when next_attempt_at is not null then ${putOff()} end,
              manual_attempt_at = case when manual_attempt_at is not null then ${putOff()} end
        where workspace_id = $1 and id = $2 and attempt_count = $3 and claimed_until is not null`,
      [tx.workspaceId, id, number],
    );
  }

  /** Makes one that is due, and of which nobody asked for an attempt, due only then. @returns whether it was that */
  async putOff(tx: Tx, id: string, waitMs: number): Promise<boolean> {
    const rows = await tx.query(
      `update deliveries set next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond'
        where workspace_id = $1 and id = $2 and next_attempt_at <= clock_timestamp() and manual_attempt_at is null
          and claimed_until is null
        returning id`,
      [tx.workspaceId, id, waitMs],
    );
    return rows.length === 1;
  }

  /** The endpoint, locked: whoever changes it or its deliveries waits. */
  async lockEndpoint(tx: Tx, id: string): Promise<EndpointRow | null> {
    const [row] = await tx.query<EndpointRow>(`${ENDPOINT} for no key update`, [tx.workspaceId, id]);
    return row ?? null;
  }

  /** The endpoint, where nothing is held against it: a success changes nothing of it, and nobody has to wait for that. */
  async endpointWithoutFault(tx: Tx, id: string): Promise<EndpointRow | null> {
    const [row] = await tx.query<EndpointRow>(`${ENDPOINT} and consecutive_failures = 0`, [tx.workspaceId, id]);
    return row ?? null;
  }

  async saveHealth(tx: Tx, id: string, health: EndpointHealth): Promise<void> {
    await tx.query(
      `update webhook_endpoints set failing_since = $3, consecutive_failures = $4 where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id, health.failingSince, health.consecutiveFailures],
    );
  }

  /** Sends nothing there any more; what is pending becomes due at once and is then given up one by one. */
  async disableEndpoint(tx: Tx, id: string, reason: 'gone' | 'failing'): Promise<void> {
    await tx.query(
      `update webhook_endpoints set status = 'disabled', disabled_reason = $3, version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id, reason],
    );
    await tx.query(
      `update deliveries set next_attempt_at = now()
        where workspace_id = $1 and endpoint_id = $2 and status = 'pending' and next_attempt_at > now()`,
      [tx.workspaceId, id],
    );
  }

  /** Writes an attempt down; the true outcome replaces the one that was assumed of an interrupted attempt. */
  async addAttempt(tx: Tx, deliveryId: string, attempt: AttemptRow): Promise<void> {
    await tx.query(
      `insert into delivery_attempts (organization_id, workspace_id, delivery_id, number, trigger, at, duration_ms,
                                      status, error_class, response, response_truncated, next_attempt_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       on conflict (workspace_id, delivery_id, number) do update
          set duration_ms = excluded.duration_ms, status = excluded.status, error_class = excluded.error_class,
              response = excluded.response, response_truncated = excluded.response_truncated`,
      [
        tx.organizationId,
        tx.workspaceId,
        deliveryId,
        attempt.number,
        attempt.trigger,
        attempt.at,
        attempt.durationMs,
        attempt.status,
        attempt.errorClass,
        attempt.response,
        attempt.isResponseTruncated,
        attempt.nextAttemptAt,
      ],
    );
  }

  /** Ends the claim of an attempt. @returns when the delivery is due again */
  async settle(tx: Tx, id: string, trigger: Trigger, change: DeliveryChange): Promise<Date | null> {
    const [row] = await tx.query<{ due_at: Date | null }>(
      `update deliveries
          set status = coalesce($3, status),
              next_attempt_at = case when $3 is not null then null else coalesce($4, next_attempt_at) end,
              manual_attempt_at = case when $5 = 'manual' or $3 = 'exhausted' then null else manual_attempt_at end,
              schedule_step = schedule_step + $6, interruption_count = 0,
              claimed_until = null, claimed_trigger = null, claimed_at = null
        where workspace_id = $1 and id = $2 returning due_at`,
      [tx.workspaceId, id, change.status ?? null, change.nextAttemptAt ?? null, trigger, change.isStep ? 1 : 0],
    );
    return row?.due_at ?? null;
  }

  /** @returns the id of the dead letter, also where one was open already */
  async addDeadLetter(tx: Tx, deliveryId: string, reason: DeadReason, summary: unknown): Promise<string> {
    const [row] = await tx.query<{ id: string }>(
      `insert into dead_letters (organization_id, workspace_id, id, kind, delivery_id, reason, summary)
       values ($1, $2, $3, 'webhook', $4, $5, $6)
       on conflict (workspace_id, delivery_id) where status = 'open' do update set reason = excluded.reason
       returning id`,
      [tx.organizationId, tx.workspaceId, newId(), deliveryId, reason, JSON.stringify(summary)],
    );
    if (!row) throw new Error(`No dead letter was written for delivery ${deliveryId}`);
    return row.id;
  }

  /** A delivery that has arrived after all needs nobody's decision any more. */
  async closeDeadLetter(tx: Tx, deliveryId: string): Promise<void> {
    await tx.query(
      `update dead_letters set status = 'replayed', resolved_at = now(), resolved_by = 'system'
        where workspace_id = $1 and delivery_id = $2 and status = 'open'`,
      [tx.workspaceId, deliveryId],
    );
  }
}

function putOff(): string {
  return `clock_timestamp() + make_interval(secs => ${RELEASE_DELAY_SECONDS} * (2 ^ interruption_count))`;
}
