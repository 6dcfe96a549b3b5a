import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { NOTIFICATION_COLUMNS, type NotificationRow } from './notification.row.js';

export interface InboxFilter {
  isUnread: boolean;
  isArchived: boolean;
  afterId: string | null;
  limit: number;
}

/** What stands in an inbox: of a member what has arrived there; of an agent all that waits for it. */
const STANDS_THERE = `channel in ('inbox', 'agent') and recipient_id = $2 and (channel = 'agent' or status = 'delivered')`;

@Injectable()
export class InboxStore {
  /** Newest first; one more than `limit`, when there are more. */
  list(tx: Tx, ownerId: string, { isUnread, isArchived, afterId, limit }: InboxFilter): Promise<NotificationRow[]> {
    return tx.query(
      `select ${NOTIFICATION_COLUMNS} from notifications
        where workspace_id = $1 and ${STANDS_THERE} and (archived_at is not null) = $3
          and (not $4 or read_at is null) and ($5::uuid is null or id < $5)
        order by id desc limit $6`,
      [tx.workspaceId, ownerId, isArchived, isUnread, afterId, limit + 1],
    );
  }

  /** What still waits for an agent, oldest first; nothing while the workspace has notifications switched off. */
  lockUntaken(tx: Tx, agentId: string, limit: number): Promise<NotificationRow[]> {
    return tx.query(
      `select ${NOTIFICATION_COLUMNS} from notifications
        where workspace_id = $1 and recipient_id = $2 and channel = 'agent' and status = 'queued'
          and (select settings #> '{features,notifications}' is distinct from 'false'::jsonb from workspaces where id = $1)
        order by id limit $3 for update skip locked`,
      [tx.workspaceId, agentId, limit],
    );
  }

  /** What an agent has been shown has arrived. */
  async take(tx: Tx, agentId: string, ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    await tx.query(
      `update notifications
          set status = 'delivered', delivered_at = now(), attempt_count = attempt_count + 1, next_attempt_at = null
        where workspace_id = $1 and agent_id = $2 and id = any($3::uuid[]) and status = 'queued'`,
      [tx.workspaceId, agentId, ids],
    );
  }

  /** Marks it, once: the first time stays. @returns null when it stands not in this inbox */
  async mark(tx: Tx, ownerId: string, id: string, what: 'read' | 'archived'): Promise<NotificationRow | null> {
    const [row] = await tx.query<NotificationRow>(
      `update notifications set read_at = coalesce(read_at, now()),
              archived_at = case when $4 then coalesce(archived_at, now()) else archived_at end
        where workspace_id = $1 and ${STANDS_THERE} and id = $3 returning ${NOTIFICATION_COLUMNS}`,
      [tx.workspaceId, ownerId, id, what === 'archived'],
    );
    return row ?? null;
  }
}
