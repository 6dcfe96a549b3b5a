import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { NotificationFilter } from './notification.store.js';
import type { WebhookNotificationRow } from './notification.row.js';

/** What a status of notifications is called of deliveries. */
const STATUS_OF_DELIVERY: Readonly<Record<string, string>> = {
  queued: 'pending',
  attempted: 'pending',
  delivered: 'delivered',
  failed: 'exhausted',
  poisoned: 'exhausted',
};

/** Deliveries to webhooks, seen as notifications. */
@Injectable()
export class WebhookNotificationStore {
  /** Newest first; one more than `limit`, when there are more. */
  list(tx: Tx, { status, afterId, limit }: Omit<NotificationFilter, 'channel'>): Promise<WebhookNotificationRow[]> {
    return tx.query(
      `select p.*, coalesce(e.subject, 'event:' || p.event_id) as subject, a.error as last_error,
              case when p.status = 'delivered' then a.ended_at end as delivered_at
         from (
           select d.id, d.endpoint_id, d.event_id, d.event_seq, d.type as event_type, s.status, d.attempt_count,
                  d.due_at as next_attempt_at, d.created_at
             from deliveries d
             left join lateral (
               select l.reason from dead_letters l
                where d.status = 'exhausted' and l.workspace_id = d.workspace_id and l.delivery_id = d.id
                order by l.id desc limit 1) l on true
            cross join lateral (
              select case d.status
                       when 'pending' then case when d.attempt_count = 0 then 'queued' else 'attempted' end
                       when 'delivered' then 'delivered'
                       else case when l.reason = 'permanent' then 'failed' else 'poisoned' end end as status) s
            where d.workspace_id = $1 and ($2::text is null or d.status = $3 and s.status = $2)
              and ($4::uuid is null or d.id < $4)
            order by d.id desc limit $5) p
         left join lateral (
           select t.error_class || coalesce(' (' || t.status || ')', '') as error,
                  t.at + coalesce(t.duration_ms, 0) * interval '1 millisecond' as ended_at
             from delivery_attempts t where t.workspace_id = $1 and t.delivery_id = p.id
            order by t.number desc limit 1) a on true
         left join events e on e.workspace_id = $1 and e.seq = p.event_seq
        order by p.id desc`,
      [tx.workspaceId, status ?? null, STATUS_OF_DELIVERY[status ?? ''] ?? null, afterId, limit + 1],
    );
  }
}
