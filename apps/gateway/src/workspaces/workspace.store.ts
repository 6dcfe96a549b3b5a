import { Injectable } from '@nestjs/common';
import { sqlState } from '@houston/common/db/postgres-error.js';
import type { Tx } from '@houston/common/db/database.js';
import { WorkspaceEntity } from '@houston/common/db/entities/workspace.entity.js';
import { TENANT_TABLES } from '@houston/common/db/tenant-tables.js';
import { looksLikeId } from '../http/uuid.js';

const INVALID_PARAMETER = '22023';
/** The audit record outlives the workspace, and the workspace itself goes last. */
const KEPT = ['events', 'workspaces'];
/** Whoever changes what hangs on one of these locks it first: an attempt its delivery's endpoint, a report its task. */
const HEADS = ['webhook_endpoints', 'tasks'];

export type NewWorkspace = Pick<WorkspaceEntity, 'id' | 'slug' | 'name' | 'timezone' | 'settings'>;

/** Workspaces, and all that goes with one. */
@Injectable()
export class WorkspaceStore {
  /** @param ref slug or id */
  find(tx: Tx, ref: string): Promise<WorkspaceEntity | null> {
    return tx.manager.findOneBy(WorkspaceEntity, whereRef(ref));
  }

  /** As `find`, and nobody else changes it until the transaction ends. */
  lock(tx: Tx, ref: string): Promise<WorkspaceEntity | null> {
    return tx.manager.findOne(WorkspaceEntity, { where: whereRef(ref), lock: { mode: 'for_no_key_update' } });
  }

  /** As `lock`, and nothing new refers to it. */
  lockForRemoval(tx: Tx, ref: string): Promise<WorkspaceEntity | null> {
    return tx.manager.findOne(WorkspaceEntity, { where: whereRef(ref), lock: { mode: 'pessimistic_write' } });
  }

  /** In order of the slug. */
  list(tx: Tx, afterSlug: string | null, limit: number): Promise<WorkspaceEntity[]> {
    const query = tx.manager
      .createQueryBuilder(WorkspaceEntity, 'w')
      .orderBy('w.slug')
      .limit(limit + 1);
    if (afterSlug !== null) query.where('w.slug > :afterSlug', { afterSlug });
    return query.getMany();
  }

  /** @returns false when the slug is taken, or the id */
  async insert(tx: Tx, workspace: NewWorkspace): Promise<boolean> {
    const { id, slug, name, timezone, settings } = workspace;
    const rows = await tx.query(
      `insert into workspaces (organization_id, id, slug, name, timezone, settings) values ($1, $2, $3, $4, $5, $6)
       on conflict do nothing returning id`,
      [tx.organizationId, id, slug, name, timezone, JSON.stringify(settings)],
    );
    return rows.length === 1;
  }

  /** Whether Postgres knows the zone too. When it does not, the transaction is over. */
  async knowsZone(tx: Tx, timezone: string): Promise<boolean> {
    try {
      await tx.query('select now() at time zone $1::text', [timezone]);
      return true;
    } catch (error) {
      if (sqlState(error) === INVALID_PARAMETER) return false;
      throw error;
    }
  }

  /** Waits until no run is being admitted, and keeps it so until the transaction ends. Comes first in it. */
  async lockMoney(tx: Tx): Promise<void> {
    await tx.query('select lock_money_exclusively($1)', [tx.organizationId]);
  }

  /**
   * Gives what its running executions hold back to the budgets of the organization. All its executions are locked, in
   * the order in which completions lock them, because the next act deletes them.
   */
  async releaseHolds(tx: Tx, workspaceId: string, actor: string): Promise<void> {
    await tx.query(
      'select count(*) from (select 1 from executions where workspace_id = $1 order by id for update) locked',
      [workspaceId],
    );
    await tx.query(
      `select count(*) from resolve_executions($1, (
         select coalesce(jsonb_agg(jsonb_build_object('workspace_id', workspace_id, 'id', id, 'target', 'cancelled',
                                                    'digest', 'cancel', 'actor', $3::text)), '[]')
           from executions where workspace_id = $2 and status = 'admitted'))`,
      [tx.organizationId, workspaceId, actor],
    );
  }

  /** Deletes its rows in every table that has any, those that refer to others first, and then itself. */
  async remove(tx: Tx, workspaceId: string): Promise<void> {
    for (const table of HEADS) {
      const rows = `select 1 from ${table} where workspace_id = $1 order by id for update`;
      await tx.query(`select count(*) from (${rows}) locked`, [workspaceId]);
    }
    for (const table of await scopedTables(tx)) {
      await tx.query(`delete from ${table} where workspace_id = $1`, [workspaceId]);
    }
    await tx.query('delete from workspaces where id = $1', [workspaceId]);
  }
}

function whereRef(ref: string): { id: string } | { slug: string } {
  return looksLikeId(ref) ? { id: ref } : { slug: ref };
}

/** From the catalogue of tables, so that a new one cannot be forgotten. */
async function scopedTables(tx: Tx): Promise<string[]> {
  const candidates = Object.keys(TENANT_TABLES).filter((table) => !KEPT.includes(table));
  const rows = await tx.query<{ name: string }>(
    `with recursive scoped as (
       select c.oid, c.relname::text as name from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relname = any($1::text[])
          and exists (select 1 from pg_attribute a
                       where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped)
     ), depth as (
       select oid, name, 0 as steps from scoped
       union
       select s.oid, s.name, d.steps + 1 from depth d
         join pg_constraint f on f.contype = 'f' and f.confrelid = d.oid and f.conrelid <> d.oid
         join scoped s on s.oid = f.conrelid
     )
     select name from depth group by name order by max(steps) desc, name`,
    [candidates],
  );
  return rows.map((row) => row.name);
}
