import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { RoutedEndpoint } from './delivery-plan.js';

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
  /**
   * Enabled endpoints of each of these workspaces, in the order of their ids.
   * @param workspaceIds null stands for all workspaces
   * @param afterId where to begin; null: with the first
   * @param limit of each workspace
   */
  enabledEndpoints(
    tx: Tx,
    workspaceIds: readonly string[] | null,
    afterId: string | null,
    limit: number,
  ): Promise<RoutedEndpoint[]> {
    return tx.query(
      `select e.workspace_id as "workspaceId", e.id, e.events, e.failing_since is not null as "isFailing"
         from workspaces w cross join lateral (
              select workspace_id, id, events, failing_since from webhook_endpoints
               where organization_id = $1 and workspace_id = w.id and status = 'enabled' and ($3::uuid is null or id > $3)
               order by id limit $4) e
        where w.organization_id = $1 and ($2::uuid[] is null or w.id = any($2))
        order by e.workspace_id, e.id`,
      [tx.organizationId, workspaceIds, afterId, limit],
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
