import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

/** The clock of one workspace, with what it depends on. */
export interface StandupClock {
  workspaceId: string;
  name: string;
  timezone: string;
  settings: Record<string, unknown>;
  /** What `nextTickAt` was derived from; null: nothing yet. */
  cadence: string | null;
  nextTickAt: Date | null;
  /** By the database's clock. */
  now: Date;
}

export interface NextStandup {
  /** Expression and zone. */
  cadence: string;
  tickAt: Date;
}

@Injectable()
export class StandupClockStore {
  /** Workspaces whose clock is due, the longest due first. */
  async due(tx: Tx, limit: number): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `select workspace_id as id from standup_clocks where organization_id = $1 and look_at <= now()
        order by look_at limit $2`,
      [tx.organizationId, limit],
    );
    return rows.map((row) => row.id);
  }

  /** Null when it is no longer due, or another scheduler looks at it. */
  async lock(tx: Tx, workspaceId: string): Promise<StandupClock | null> {
    const [clock] = await tx.query<StandupClock>(
      `select c.workspace_id as "workspaceId", w.name, w.timezone, w.settings, c.cadence,
              c.next_tick_at as "nextTickAt", now() as now
         from standup_clocks c join workspaces w on w.id = c.workspace_id
        where c.organization_id = $1 and c.workspace_id = $2 and c.look_at <= now() for update of c skip locked`,
      [tx.organizationId, workspaceId],
    );
    return clock ?? null;
  }

  /** @param next null: no stand-ups before the settings change */
  async wind(tx: Tx, workspaceId: string, next: NextStandup | null): Promise<void> {
    await tx.query('update standup_clocks set cadence = $2, next_tick_at = $3, look_at = $3 where workspace_id = $1', [
      workspaceId,
      next?.cadence ?? null,
      next?.tickAt.toISOString() ?? null,
    ]);
  }

  /** After a fault: the others come first. */
  async postpone(tx: Tx, workspaceId: string): Promise<void> {
    await tx.query("update standup_clocks set look_at = now() + interval '1 minute' where workspace_id = $1", [
      workspaceId,
    ]);
  }
}
