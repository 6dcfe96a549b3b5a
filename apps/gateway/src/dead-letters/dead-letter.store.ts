import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { DeadLetterRow } from './dead-letter.view.js';

export interface DeadLetterFilter {
  status: string;
  kind?: string;
  taskId?: string;
  afterId: string | null;
  limit: number;
}

/** Which open dead letters of messages; null: whatever it is. */
export interface MessageLetterChoice {
  ids: string[] | null;
  kind: string | null;
  reason: string | null;
  from: string | null;
  to: string | null;
  limit: number;
}

const COLUMNS =
  'id, kind, delivery_id, task_id, notification_id, reason, status, summary, created_at, resolved_at, resolved_by';

@Injectable()
export class DeadLetterStore {
  /** Newest first. */
  list(tx: Tx, filter: DeadLetterFilter): Promise<DeadLetterRow[]> {
    return tx.query(
      `select ${COLUMNS} from dead_letters
        where workspace_id = $1 and status = $2 and ($3::uuid is null or id < $3)
            and ($4::text is null or kind = $4) and ($5::uuid is null or task_id = $5)
          order by id desc limit $6`,
      [tx.workspaceId, filter.status, filter.afterId, filter.kind ?? null, filter.taskId ?? null, filter.limit + 1],
    );
  }

  /** Open dead letters of webhooks and notifications, the oldest first. */
  chooseMessages(tx: Tx, { ids, kind, reason, from, to, limit }: MessageLetterChoice): Promise<DeadLetterRow[]> {
    return tx.query(
      `select ${COLUMNS} from dead_letters
        where workspace_id = $1 and status = 'open' and kind in ('webhook', 'notification')
          and ($2::uuid[] is null or id = any($2)) and ($3::text is null or kind = $3) and ($4::text is null or reason = $4)
          and ($5::timestamptz is null or created_at >= $5) and ($6::timestamptz is null or created_at < $6)
        order by id limit $7`,
      [tx.workspaceId, ids, kind, reason, from, to, limit],
    );
  }

  async find(tx: Tx, id: string): Promise<DeadLetterRow | null> {
    const [row] = await tx.query<DeadLetterRow>(
      `select ${COLUMNS} from dead_letters where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** @returns null when it was not open any more */
  async resolve(
    tx: Tx,
    id: string,
    status: 'replayed' | 'discarded',
    resolvedBy: string,
  ): Promise<DeadLetterRow | null> {
    const [row] = await tx.query<DeadLetterRow>(
      `update dead_letters set status = $3, resolved_at = now(), resolved_by = $4
        where workspace_id = $1 and id = $2 and status = 'open' returning ${COLUMNS}`,
      [tx.workspaceId, id, status, resolvedBy],
    );
    return row ?? null;
  }
}
