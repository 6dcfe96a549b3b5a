import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

/** Time for the ordinary wake-up to do its work before anybody looks for it. */
const GRACE_SECONDS = 3;
const KEPT_DAYS = 30;

export interface DueDelivery {
  id: string;
  workspace_id: string;
  endpoint_id: string;
  attempt_count: number;
  is_manual: boolean;
  /** The last attempt at its endpoint failed. */
  is_failing: boolean;
  /** Where the next page begins. */
  key: string;
}

export interface OpenDeadLetter {
  id: string;
  workspace_id: string;
}

/** What the background duties look for, over all workspaces of an organization. */
@Injectable()
export class SweepStore {
  due(tx: Tx, after: string | null, limit: number): Promise<DueDelivery[]> {
    const [dueAt, id] = after?.split(' ') ?? [null, null];
    return tx.query(
      `select d.id, d.workspace_id, d.endpoint_id, d.attempt_count, d.manual_attempt_at is not null and d.manual_attempt_at <= now() as is_manual,
              (select e.failing_since is not null from webhook_endpoints e
                where e.workspace_id = d.workspace_id and e.id = d.endpoint_id) as is_failing,
              (extract(epoch from d.due_at) * 1000000)::bigint::text || ' ' || d.id as key
         from deliveries d
        where organization_id = $1 and due_at <= now() - make_interval(secs => ${GRACE_SECONDS})
          and (claimed_until is null or claimed_until <= now())
          and ($2::bigint is null or (due_at, id) > (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
        order by due_at, id limit $4`,
      [tx.organizationId, dueAt, id, limit],
    );
  }

  /** Removes deliveries of which nothing is left to do, with their attempts; the events stay. @returns how many */
  async removeOld(tx: Tx, limit: number): Promise<number> {
    const rows = await tx.query(
      `delete from deliveries where ctid = any(array(
         select d.ctid from deliveries d
          where d.organization_id = $1 and d.status <> 'pending' and d.manual_attempt_at is null
            and d.created_at < now() - make_interval(days => ${KEPT_DAYS})
            and not exists (select 1 from dead_letters l
                             where l.workspace_id = d.workspace_id and l.delivery_id = d.id and l.status = 'open')
          order by d.created_at limit $2 for update skip locked)) returning id`,
      [tx.organizationId, limit],
    );
    return rows.length;
  }

  openDeadLetters(tx: Tx, afterId: string | null, limit: number): Promise<OpenDeadLetter[]> {
    return tx.query(
      `select id, workspace_id from dead_letters
        where organization_id = $1 and status = 'open' and ($2::uuid is null or id > $2) order by id limit $3`,
      [tx.organizationId, afterId, limit],
    );
  }

  async countOpenDeadLetters(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `select count(*)::int as count from dead_letters where organization_id = $1 and status = 'open'`,
      [tx.organizationId],
    );
    return row?.count ?? 0;
  }

  /** Which of these dead letters are open. */
  async whichAreOpen(tx: Tx, ids: string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `select id from dead_letters where organization_id = $1 and status = 'open' and id = any($2::uuid[])`,
      [tx.organizationId, ids],
    );
    return new Set(rows.map((row) => row.id));
  }
}
