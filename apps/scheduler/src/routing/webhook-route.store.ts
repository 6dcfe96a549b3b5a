import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

export interface RoutedEndpoint {
  workspaceId: string;
  id: string;
  /** Patterns. */
  events: string[];
  /** Its last attempt failed. */
  isFailing: boolean;
}

export interface NewDelivery {
  id: string;
  workspaceId: string;
  endpointId: string;
  eventId: string;
  eventSeq: string;
  type: string;
  body: string;
  /** Milliseconds until the first attempt. */
  delayMs: number;
  isFailing: boolean;
}

/** Finds the webhooks of an organization and writes what is to be delivered to them. */
@Injectable()
export class WebhookRouteStore {
  /** Endpoints that may hear of events of these workspaces; null stands for all workspaces. */
  enabledEndpoints(tx: Tx, workspaceIds: readonly (string | null)[]): Promise<RoutedEndpoint[]> {
    const ids = workspaceIds.includes(null) ? null : [...new Set(workspaceIds)];
    return tx.query(
      `select workspace_id as "workspaceId", id, events, failing_since is not null as "isFailing" from webhook_endpoints
        where organization_id = $1 and status = 'enabled' and ($2::uuid[] is null or workspace_id = any($2))`,
      [tx.organizationId, ids],
    );
  }

  /**
   * Endpoints deleted or disabled meanwhile are left out, and held until the end of the transaction; what was written
   * before stays as it is.
   * @returns those that are new
   */
  async insert(tx: Tx, deliveries: readonly NewDelivery[]): Promise<NewDelivery[]> {
    const written = await tx.query<{ id: string }>(
      `with alive as (
         select workspace_id, id from webhook_endpoints
          where organization_id = $1 and status = 'enabled'
            and (workspace_id, id) in (select * from unnest($3::uuid[], $4::uuid[]))
          order by workspace_id, id for key share)
       insert into deliveries (organization_id, workspace_id, id, endpoint_id, event_id, event_seq, type, body,
                               next_attempt_at)
       select $1, n.workspace_id, n.id, n.endpoint_id, n.event_id, n.event_seq, n.type, n.body,
              clock_timestamp() + n.delay_ms * interval '1 millisecond'
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::text[], $9::float8[])
              as n (id, workspace_id, endpoint_id, event_id, event_seq, type, body, delay_ms)
         join alive on alive.workspace_id = n.workspace_id and alive.id = n.endpoint_id
       on conflict (workspace_id, endpoint_id, event_id) do nothing returning id`,
      [
        tx.organizationId,
        deliveries.map((delivery) => delivery.id),
        deliveries.map((delivery) => delivery.workspaceId),
        deliveries.map((delivery) => delivery.endpointId),
        deliveries.map((delivery) => delivery.eventId),
        deliveries.map((delivery) => delivery.eventSeq),
        deliveries.map((delivery) => delivery.type),
        deliveries.map((delivery) => delivery.body),
        deliveries.map((delivery) => delivery.delayMs),
      ],
    );
    const ids = new Set(written.map((row) => row.id));
    return deliveries.filter((delivery) => ids.has(delivery.id));
  }
}
