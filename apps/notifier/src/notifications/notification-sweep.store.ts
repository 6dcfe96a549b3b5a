import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

/** Time for the ordinary wake-up to do its work before anybody looks for it. */
const GRACE_SECONDS = 3;
/** A wake-up that has done nothing for so long may be held by a worker that has died; the queue frees it after a minute. */
const LATE_SECONDS = 15;
const KEPT_DAYS = 30;
/** What stands in an inbox is read later than a message is sent. */
const INBOX_DAYS = 90;

export interface DueNotificationRow {
  id: string;
  workspace_id: string;
  channel: string;
  channel_id: string | null;
  attempt_count: number;
  is_late: boolean;
  /** Where the next page begins. */
  key: string;
}

/** What the background duties look for, over all workspaces of an organization. */
@Injectable()
export class NotificationSweepStore {
  /** Due, sent by nobody, and not of a workspace that has switched notifications off. */
  due(tx: Tx, after: string | null, limit: number): Promise<DueNotificationRow[]> {
    const [dueAt, id] = after?.split(' ') ?? [null, null];
    return tx.query(
      `select n.id, n.workspace_id, n.channel, n.channel_id, n.attempt_count,
              n.next_attempt_at <= now() - make_interval(secs => ${LATE_SECONDS}) as is_late,
              (extract(epoch from n.next_attempt_at) * 1000000)::bigint::text || ' ' || n.id as key
         from notifications n
        where n.organization_id = $1 and n.next_attempt_at <= now() - make_interval(secs => ${GRACE_SECONDS})
          and (n.claimed_until is null or n.claimed_until <= now())
          and not exists (select 1 from workspaces w where w.organization_id = $1 and w.id = n.workspace_id
                             and w.settings #>> '{features,notifications}' = 'false')
          and ($2::bigint is null or (n.next_attempt_at, n.id) > (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
        order by n.next_attempt_at, n.id limit $4`,
      [tx.organizationId, dueAt, id, limit],
    );
  }

  /** Removes what has ended long ago, never what waits in the dead letters; the events stay. @returns how many */
  async removeOld(tx: Tx, limit: number): Promise<number> {
    const rows = await tx.query(
      `delete from notifications where ctid = any(array(
         select n.ctid from notifications n
          where n.organization_id = $1 and n.next_attempt_at is null
            and n.created_at < now() - make_interval(days => ${KEPT_DAYS})
            and (n.channel not in ('inbox', 'agent') or n.created_at < now() - make_interval(days => ${INBOX_DAYS}))
            and not exists (select 1 from dead_letters l where l.workspace_id = n.workspace_id
                               and l.notification_id = n.id and l.status = 'open')
          order by n.created_at limit $2 for update skip locked)) returning id`,
      [tx.organizationId, limit],
    );
    return rows.length;
  }
}
