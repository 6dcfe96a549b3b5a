import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Cadence } from '@houston/common/schedules/cadence.js';
import type { ScheduleRow, TickOutcome, TickRow } from './schedule.row.js';

/** What a person decides of a schedule, and what follows from it. */
export type ScheduleColumns = Omit<
  ScheduleRow,
  'failures' | 'breaker_until' | 'version' | 'created_by' | 'created_at' | 'updated_at' | 'now'
>;

export interface TickFilter {
  outcome?: TickOutcome;
  /** tick_at of the last of the page before, in microseconds. */
  after: string | null;
  limit: number;
}

const COLUMNS = `id, name, cron, every_seconds, timezone, anchor_at, offset_minutes, target_kind, target, tasks, agent_id,
  catch_up, overlap, jitter_seconds, enabled, next_tick_at`;
const ROW = `${COLUMNS}, failures, breaker_until, version, created_by, created_at, updated_at,
  date_trunc('milliseconds', now()) as now`;
/** What a schedule's run has cost: every execution of its tasks. */
const COST = `coalesce((select sum(e.cost_nano) from executions e
  where e.workspace_id = k.workspace_id and e.task_id = any(tasks_of_tick(k)::text[])), 0)::text`;

/** Schedules and their ticks, in the workspace of the transaction. */
@Injectable()
export class ScheduleStore {
  /** The database's clock, in whole milliseconds. */
  async now(tx: Tx): Promise<Date> {
    const [row] = await tx.query<{ now: Date }>(`select date_trunc('milliseconds', now()) as now`);
    if (!row) throw new Error('The database tells no time');
    return row.now;
  }

  async find(tx: Tx, id: string): Promise<ScheduleRow | null> {
    const [row] = await tx.query<ScheduleRow>(`select ${ROW} from schedules where workspace_id = $1 and id = $2`, [
      tx.workspaceId,
      id,
    ]);
    return row ?? null;
  }

  async lock(tx: Tx, id: string): Promise<ScheduleRow | null> {
    const [row] = await tx.query<ScheduleRow>(
      `select ${ROW} from schedules where workspace_id = $1 and id = $2 for no key update`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** In order of the name. @param after name and id of the last of the page before */
  list(tx: Tx, after: readonly string[] | null, limit: number): Promise<ScheduleRow[]> {
    const [name, id] = after ?? [null, null];
    return tx.query(
      `select ${ROW} from schedules where workspace_id = $1 and ($2::text is null or (name, id) > ($2, $3::uuid))
        order by name, id limit $4`,
      [tx.workspaceId, name, id, limit + 1],
    );
  }

  /** @returns false when the id is taken */
  async insert(tx: Tx, columns: ScheduleColumns, createdBy: string): Promise<boolean> {
    const rows = await tx.query(
      `insert into schedules (organization_id, workspace_id, created_by, ${COLUMNS})
       select $1, $2, $3, ${COLUMNS} from jsonb_populate_record(null::schedules, $4)
       on conflict (workspace_id, id) do nothing returning id`,
      [tx.organizationId, tx.workspaceId, createdBy, JSON.stringify(columns)],
    );
    return rows.length === 1;
  }

  async update(tx: Tx, columns: ScheduleColumns): Promise<ScheduleRow> {
    const [row] = await tx.query<ScheduleRow>(
      `update schedules s set (${COLUMNS}) = (select ${COLUMNS} from jsonb_populate_record(null::schedules, $3)),
              seen_below = case when p.same_agent then s.seen_below end,
              seen_running = case when p.same_agent then s.seen_running end,
              version = s.version + 1, updated_at = now()
         from (select $4::uuid is not distinct from (select agent_id from schedules where workspace_id = $1 and id = $2) as same_agent) p
        where workspace_id = $1 and id = $2 returning ${ROW}`,
      [tx.workspaceId, columns.id, JSON.stringify(columns), columns.agent_id],
    );
    if (!row) throw new Error(`Schedule ${columns.id} vanished under its lock`);
    return row;
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('delete from schedules where workspace_id = $1 and id = $2', [tx.workspaceId, id]);
  }

  /** Heartbeats of the workspace that come at the same times. */
  async heartbeatsLike(tx: Tx, { cron, everySeconds, timezone }: Cadence): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `select count(*)::int as count from schedules
        where workspace_id = $1 and target_kind = 'heartbeat'
          and (cron = $2 and timezone = $3 or every_seconds = $4)`,
      [tx.workspaceId, cron, timezone, everySeconds],
    );
    return row?.count ?? 0;
  }

  /** Runs it now, as far as its policy of overlaps allows. */
  async run(tx: Tx, id: string, tickId: string): Promise<TickRow> {
    const [row] = await tx.query<TickRow>(`select k.*, ${COST} as cost_nano from run_schedule($1, $2, $3, $4) k`, [
      tx.organizationId,
      tx.workspaceId,
      id,
      tickId,
    ]);
    if (!row) throw new Error(`Schedule ${id} was not run`);
    return row;
  }

  /** Latest first. `sort_key` is the exact time, for the cursor. */
  ticks(tx: Tx, id: string, { outcome, after, limit }: TickFilter): Promise<(TickRow & { sort_key: string })[]> {
    return tx.query(
      `select k.*, ${COST} as cost_nano, (extract(epoch from k.tick_at) * 1000000)::bigint::text as sort_key
         from schedule_ticks k
        where k.workspace_id = $1 and k.schedule_id = $2 and ($3::text is null or k.outcome = $3)
          and ($4::bigint is null or k.tick_at < timestamptz 'epoch' + $4 * interval '1 microsecond')
        order by k.tick_at desc limit $5`,
      [tx.workspaceId, id, outcome ?? null, after, limit + 1],
    );
  }

  /** What all the runs that are remembered have cost, in nano-USD. */
  async costNano(tx: Tx, id: string): Promise<bigint> {
    const [row] = await tx.query<{ cost: string }>(
      `select coalesce(sum(e.cost_nano), 0)::text as cost
         from schedule_ticks k
        cross join lateral unnest(tasks_of_tick(k)) as t(id)
         join executions e on e.workspace_id = k.workspace_id and e.task_id = t.id::text
        where k.workspace_id = $1 and k.schedule_id = $2`,
      [tx.workspaceId, id],
    );
    return BigInt(row?.cost ?? 0);
  }
}
