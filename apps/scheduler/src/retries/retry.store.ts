import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

@Injectable()
export class RetryStore {
  /** Lets tasks be taken again whose wait is over. @returns how many */
  async free(tx: Tx, limit: number): Promise<number> {
    const freed = await tx.query(
      `update tasks t set next_retry_at = null, retry_reason = null, look_at = now() + interval '1 minute', updated_at = now()
         from (select workspace_id, id from tasks
                where organization_id = $1 and status = 'inbox' and wake_at <= now() and next_retry_at <= now()
                order by wake_at, id limit $2 for no key update skip locked) d
        where t.workspace_id = d.workspace_id and t.id = d.id
       returning t.id`,
      [tx.organizationId, limit],
    );
    return freed.length;
  }
}
