import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { deliveryBody } from '@houston/common/webhooks/delivery-message.js';
import type { AttemptResponseRow, AttemptRow, DeliveryRow } from './webhook.row.js';

const COLUMNS = 'id, event_id, type, status, due_at, created_at';
const ATTEMPT_COLUMNS = 'delivery_id, number, trigger, at, duration_ms, status, error_class, next_attempt_at';

/** Deliveries as people look at them, ask for them again, or make one to try a webhook out. */
@Injectable()
export class DeliveryStore {
  /** Newest first. */
  list(
    tx: Tx,
    endpointId: string,
    filter: { status?: string; afterId: string | null; limit: number },
  ): Promise<DeliveryRow[]> {
    return tx.query(
      `select ${COLUMNS} from deliveries
        where workspace_id = $1 and endpoint_id = $2 and ($3::text is null or status = $3)
          and ($4::uuid is null or id < $4)
        order by id desc limit $5`,
      [tx.workspaceId, endpointId, filter.status ?? null, filter.afterId, filter.limit + 1],
    );
  }

  async find(tx: Tx, endpointId: string, id: string): Promise<(DeliveryRow & { body: string }) | null> {
    const [row] = await tx.query<DeliveryRow & { body: string }>(
      `select ${COLUMNS}, body from deliveries where workspace_id = $1 and endpoint_id = $2 and id = $3`,
      [tx.workspaceId, endpointId, id],
    );
    return row ?? null;
  }

  attempts(tx: Tx, deliveryIds: string[]): Promise<AttemptRow[]> {
    return tx.query(
      `select ${ATTEMPT_COLUMNS} from delivery_attempts
        where workspace_id = $1 and delivery_id = any($2::uuid[]) order by number`,
      [tx.workspaceId, deliveryIds],
    );
  }

  attemptsWithResponse(tx: Tx, deliveryId: string): Promise<AttemptResponseRow[]> {
    return tx.query(
      `select ${ATTEMPT_COLUMNS}, response, response_truncated from delivery_attempts
        where workspace_id = $1 and delivery_id = $2 order by number`,
      [tx.workspaceId, deliveryId],
    );
  }

  /** Makes one more attempt due, beside the schedule. @returns attempts begun so far; null: no such delivery */
  async requestAttempt(tx: Tx, endpointId: string, id: string): Promise<number | null> {
    const [row] = await tx.query<{ attempt_count: number }>(
      `update deliveries set manual_attempt_at = coalesce(manual_attempt_at, now())
        where workspace_id = $1 and endpoint_id = $2 and id = $3 returning attempt_count`,
      [tx.workspaceId, endpointId, id],
    );
    return row?.attempt_count ?? null;
  }

  /** Begins the schedule anew for a delivery that was given up. @returns attempts begun so far */
  async restart(tx: Tx, id: string, delayMs: number): Promise<{ endpointId: string; attemptCount: number }> {
    const [row] = await tx.query<{ endpointId: string; attemptCount: number }>(
      `update deliveries set status = 'pending', next_attempt_at = now() + $3 * interval '1 millisecond', manual_attempt_at = null,
              schedule_step = 0, interruption_count = 0
        where workspace_id = $1 and id = $2 and status = 'exhausted'
        returning endpoint_id as "endpointId", attempt_count as "attemptCount"`,
      [tx.workspaceId, id, delayMs],
    );
    if (!row) throw new Error(`Delivery ${id} was not given up`);
    return row;
  }

  /** The status of the endpoint that a delivery goes to; the delivery stays as it is until the transaction ends. */
  async lockWithEndpoint(tx: Tx, id: string): Promise<{ endpoint_status: 'enabled' | 'disabled' } | null> {
    const [row] = await tx.query<{ endpoint_status: 'enabled' | 'disabled' }>(
      `select e.status as endpoint_status
         from deliveries d join webhook_endpoints e on e.workspace_id = d.workspace_id and e.id = d.endpoint_id
        where d.workspace_id = $1 and d.id = $2 for no key update of d`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** A delivery of an event that this transaction has written, to one endpoint, due at once. */
  async addForOwnEvent(tx: Tx, delivery: { id: string; endpointId: string; eventId: string }): Promise<void> {
    const [event] = await tx.query<{
      seq: string;
      type: string;
      time: Date;
      subject: string;
      data: Record<string, unknown>;
    }>(
      `select seq, type, time, subject, data from events
        where organization_id = $1 and position = event_position() and id = $2`,
      [tx.organizationId, delivery.eventId],
    );
    if (!event) throw new Error(`Event ${delivery.eventId} is not of this transaction`);
    await tx.query(
      `insert into deliveries (organization_id, workspace_id, id, endpoint_id, event_id, event_seq, type, body,
                               next_attempt_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, now())`,
      [
        tx.organizationId,
        tx.workspaceId,
        delivery.id,
        delivery.endpointId,
        delivery.eventId,
        event.seq,
        event.type,
        deliveryBody({ id: delivery.eventId, ...event }),
      ],
    );
  }
}
