import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { NOTIFICATION_COLUMNS, type NotificationRow } from './notification.row.js';

export interface NotificationFilter {
  status?: string;
  channel?: string;
  afterId: string | null;
  limit: number;
}

export interface NotificationAttemptRow {
  number: number;
  at: Date;
  duration_ms: number | null;
  status: number | null;
  error_class: string | null;
  response: string | null;
  next_attempt_at: Date | null;
}

/** How long a message that is sent again waits for an agent to take it. */
const AGENT_DAYS = 30;

@Injectable()
export class NotificationStore {
  /** Newest first; one more than `limit`, when there are more. */
  list(tx: Tx, { status, channel, afterId, limit }: NotificationFilter): Promise<NotificationRow[]> {
    return tx.query(
      `select ${NOTIFICATION_COLUMNS} from notifications
        where workspace_id = $1 and ($2::text is null or status = $2) and ($3::text is null or channel = $3)
          and ($4::uuid is null or id < $4)
        order by id desc limit $5`,
      [tx.workspaceId, status ?? null, channel ?? null, afterId, limit + 1],
    );
  }

  /** The last attempts, the oldest first. */
  attempts(tx: Tx, id: string): Promise<NotificationAttemptRow[]> {
    return tx.query(
      `select number, at, duration_ms, status, error_class, response, next_attempt_at
         from notification_attempts where workspace_id = $1 and notification_id = $2 order by number`,
      [tx.workspaceId, id],
    );
  }

  /** Keeps everybody else from it until the transaction ends. @returns whether it was given up */
  async lockGivenUp(tx: Tx, id: string): Promise<boolean> {
    const rows = await tx.query(
      `select 1 from notifications where workspace_id = $1 and id = $2 and status in ('failed', 'poisoned') for no key update`,
      [tx.workspaceId, id],
    );
    return rows.length === 1;
  }

  /** Begins the schedule anew. */
  async restart(tx: Tx, id: string, delayMs: number): Promise<NotificationRow> {
    const [row] = await tx.query<NotificationRow>(
      `update notifications
          set status = 'queued', schedule_step = 0, interruption_count = 0, last_error = null,
              next_attempt_at = case when channel = 'agent' then now() + make_interval(days => ${AGENT_DAYS})
                                     else now() + $3 * interval '1 millisecond' end
        where workspace_id = $1 and id = $2 returning ${NOTIFICATION_COLUMNS}`,
      [tx.workspaceId, id, delayMs],
    );
    if (!row) throw new Error(`Notification ${id} vanished while it was locked`);
    return row;
  }

  /** The answer to a pressed button: sent to the address that came with it, in the name of the channel. */
  async addReply(
    tx: Tx,
    reply: {
      id: string;
      channelId: string;
      type: string;
      title: string;
      text: string;
      subject: string;
      url: string;
      isForAll: boolean;
    },
  ): Promise<void> {
    await tx.query(
      `insert into notifications (organization_id, workspace_id, id, event_type, channel, channel_id, title, text, subject,
                                  refs, reply_url, next_attempt_at)
       values ($1, $2, $3, $4, 'slack', $5, $6, $7, $8, $9, $10, now())`,
      [
        ...[tx.organizationId, tx.workspaceId, reply.id, reply.type, reply.channelId, reply.title, reply.text],
        ...[reply.subject, JSON.stringify(reply.isForAll ? {} : { reply: 'ephemeral' }), reply.url],
      ],
    );
  }
}
