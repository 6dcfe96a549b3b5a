import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import type { LeaseEnd } from './lease-end.js';

@Injectable()
export class LeaseStore {
  /** Locks tasks whose lease has run out, the longest overdue first; those that others are busy with are left to them. */
  lockEnded(tx: Tx, limit: number): Promise<(TaskRow & { lease_end: LeaseEnd })[]> {
    return tx.query(
      `select t.*, case when t.status = 'assigned' then 'unacknowledged' when t.lease_expires_at <= now() then case when is_poison(t) then 'poison' else 'expired' end
                        when t.timeout_at <= now() then 'timeout' else 'stalled' end as lease_end
         from tasks t
        where t.organization_id = $1 and t.status in ('assigned', 'in_progress') and t.wake_at <= now()
          and least(t.lease_expires_at, t.ack_by, t.timeout_at, t.stalled_at) <= now()
        order by t.wake_at, t.id limit $2 for no key update skip locked`,
      [tx.organizationId, limit],
    );
  }
}
