import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { EVENT_COLUMNS, type LedgerEvent } from '@houston/common/events/event-reader.js';
import type { FanOut } from './delivery-plan.js';

/** Events whose endpoints are told page by page. */
@Injectable()
export class FanOutStore {
  async add(tx: Tx, left: readonly FanOut[]): Promise<void> {
    if (left.length === 0) return;
    await tx.query(
      `insert into webhook_fan_outs (organization_id, workspace_id, position, seq, after_endpoint_id)
       select $1, * from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[]) on conflict do nothing`,
      [
        tx.organizationId,
        left.map((one) => one.workspaceId),
        left.map((one) => one.event.position),
        left.map((one) => one.event.seq),
        left.map((one) => one.afterEndpointId),
      ],
    );
  }

  /** Workspaces that have any. */
  async workspaces(tx: Tx): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      'select distinct workspace_id as id from webhook_fan_outs where organization_id = $1',
      [tx.organizationId],
    );
    return rows.map((row) => row.id);
  }

  /**
   * Takes away a workspace's oldest, with others that stand at the same endpoint; none: another process has them, or
   * somebody changes or deletes the workspace, for which the others must not wait.
   */
  async take(tx: Tx, workspaceId: string, limit: number): Promise<FanOut[]> {
    const free = await tx.query(
      'select 1 from workspaces where organization_id = $1 and id = $2 for key share skip locked',
      [tx.organizationId, workspaceId],
    );
    if (free.length === 0) return [];
    // Picked once, and where the table passes for empty the end keeps the deletion from reading all of a backlog.
    const rows = await tx.query<LedgerEvent & { after: string | null }>(
      `with oldest as (
         select after_endpoint_id as after from webhook_fan_outs where workspace_id = $2
          order by position, seq limit 1 for update skip locked),
       picked as materialized (
         select f.ctid as place, f.position, f.seq
           from webhook_fan_outs f join oldest o on f.after_endpoint_id is not distinct from o.after
          where f.workspace_id = $2 order by f.position, f.seq limit $3 for update of f skip locked),
       last as (select position, seq from picked order by position desc, seq desc limit 1),
       taken as (
         delete from webhook_fan_outs where workspace_id = $2 and ctid = any (array(select place from picked))
            and (position, seq) <= ((select position from last), (select seq from last))
         returning position, seq, after_endpoint_id)
       select ${EVENT_COLUMNS}, after_endpoint_id as after from taken join events using (position, seq)
        where organization_id = $1 order by position, seq`,
      [tx.organizationId, workspaceId, limit],
    );
    return rows.map(({ after, ...event }) => ({ workspaceId, event, afterEndpointId: after }));
  }
}
