import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { CatchUp } from '@houston/common/domain/catch-up.js';
import type { Cadence } from '@houston/common/schedules/cadence.js';

/** A schedule that is due. */
export interface DueSchedule extends Cadence {
  workspaceId: string;
  id: string;
  catchUp: CatchUp;
  jitterSeconds: number;
  /** The first tick that nobody has decided about. */
  nextTickAt: Date;
  /** By the database's clock. */
  now: Date;
}

/** What becomes of the ticks that have come, as write_ticks takes it. */
export interface WrittenPlan {
  workspace_id: string;
  id: string;
  next_tick_at: Date;
  ticks: { id: string; tick_at: Date; delay_ms: number }[];
  missed: { id: string; from: Date; until: Date; count: number } | null;
}

@Injectable()
export class ScheduleStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Locks what is due, the longest due first; what another scheduler has locked is left to it. */
  lockDue(tx: Tx, limit: number): Promise<DueSchedule[]> {
    return tx.query(
      `select workspace_id as "workspaceId", id, cron, every_seconds as "everySeconds", timezone, anchor_at as "anchorAt",
              offset_minutes as "offsetMinutes", catch_up as "catchUp", jitter_seconds as "jitterSeconds",
              next_tick_at as "nextTickAt", now() as now
         from schedules where organization_id = $1 and next_tick_at <= now()
        order by next_tick_at limit $2 for no key update skip locked`,
      [tx.organizationId, limit],
    );
  }

  async write(tx: Tx, plans: readonly WrittenPlan[]): Promise<void> {
    await tx.query('select write_ticks($1, $2)', [tx.organizationId, JSON.stringify(plans)]);
  }

  /** Pauses a schedule that cannot go on, and tells why. */
  async stop(tx: Tx, { workspaceId, id }: DueSchedule, reason: string): Promise<void> {
    await tx.query(
      `update schedules set enabled = false, next_tick_at = null, version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2`,
      [workspaceId, id],
    );
    await appendEvent(tx, {
      ...{ type: 'schedule.paused', actor: 'system', subject: `schedule:${id}`, workspaceId },
      data: { scheduleId: id, reason },
    });
  }

  /** @returns how many ticks were worked on */
  async work(organizationId: string, limit: number): Promise<number> {
    const [row] = await this.db.statement<{ count: number }>('select work_ticks($1, $2) as count', [
      organizationId,
      limit,
    ]);
    return row?.count ?? 0;
  }

  /** @returns how many ticks were forgotten */
  async forget(organizationId: string, limit: number): Promise<number> {
    const [row] = await this.db.statement<{ count: number }>('select forget_ticks($1, $2) as count', [
      organizationId,
      limit,
    ]);
    return row?.count ?? 0;
  }
}
