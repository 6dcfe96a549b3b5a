import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { PreferenceRule } from '@houston/common/domain/notification-plan.js';
import type { QuietHours } from '@houston/common/notifications/quiet-hours.js';

export interface RoutedMember {
  workspaceId: string;
  id: string;
  role: string;
  /** In small letters. */
  email: string;
  rules: PreferenceRule[];
  quietHours: QuietHours | null;
}

export interface RoutedChannel {
  workspaceId: string;
  id: string;
  kind: 'slack' | 'email';
  /** Patterns. */
  events: string[];
}

/** A Slack channel in which an approval was asked that has been decided meanwhile. */
export interface DecidedInSlack {
  workspaceId: string;
  approvalId: string;
  channelId: string;
  /** How often it was asked there. */
  messages: number;
  action: string;
  status: string;
  /** A name, or a word such as `timeout`. */
  decidedBy: string;
  comment: string | null;
}

export interface Wanted {
  /** Null: all. */
  workspaceIds: string[] | null;
  memberIds: string[];
  roles: string[];
}

export type NotificationChannelName = 'slack' | 'email' | 'inbox' | 'agent';

/** Whom a notification is for: exactly one of the three. */
export interface Recipient {
  memberId: string | null;
  agentId: string | null;
  channelId: string | null;
}

export interface NewNotification extends Recipient {
  id: string;
  workspaceId: string;
  eventId: string;
  eventSeq: string;
  eventType: string;
  channel: NotificationChannelName;
  title: string;
  text: string;
  subject: string;
  refs: Record<string, string>;
  critical: boolean;
  /** Joins, or opens, the digest of this key; null: a message of its own. */
  digestKey: string | null;
  /** Milliseconds until the first attempt; for an agent, until it is given up. */
  delayMs: number;
}

export interface Written {
  id: string;
  workspaceId: string;
  channel: string;
  channelId: string | null;
  delayMs: number;
}

interface WrittenDigest extends Written {
  recipientId: string;
  digestKey: string;
  isNew: boolean;
}

const COLUMNS = `organization_id, workspace_id, id, event_id, event_type, channel, member_id, agent_id, channel_id, title,
  text, subject, refs, critical, digest_key, digest_open, status, attempt_count, next_attempt_at, delivered_at`;
const ROWS = `jsonb_to_recordset($2::jsonb) as n (id uuid, "workspaceId" uuid, "eventId" uuid, "eventSeq" bigint,
  "eventType" text, channel text, "memberId" uuid, "agentId" uuid, "channelId" uuid, title text, text text, subject text,
  refs jsonb, critical boolean, "digestKey" text, "delayMs" float8)`;
const DUE = `clock_timestamp() + n."delayMs" * interval '1 millisecond'`;

/** Finds whom events concern, and writes what is to be told. */
@Injectable()
export class NotificationRouteStore {
  async now(tx: Tx): Promise<Date> {
    const [row] = await tx.query<{ now: Date }>('select clock_timestamp() as now');
    if (!row) throw new Error('The database told no time');
    return row.now;
  }

  /** Members by id or role, with what they wish. */
  members(tx: Tx, { workspaceIds, memberIds, roles }: Wanted): Promise<RoutedMember[]> {
    return tx.query(
      `select m.workspace_id as "workspaceId", m.id, m.role, lower(m.email) as email, coalesce(p.rules, '[]') as rules,
              p.quiet_hours as "quietHours"
         from members m
         left join notification_preferences p on p.workspace_id = m.workspace_id and p.member_id = m.id
        where m.organization_id = $1 and ($2::uuid[] is null or m.workspace_id = any($2)) and m.status <> 'removed'
          and (m.id = any($3::uuid[]) or m.role = any($4::text[]))
        order by m.workspace_id, m.id`,
      [tx.organizationId, workspaceIds, memberIds, roles],
    );
  }

  async agents(tx: Tx, ids: string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await tx.query<{ id: string }>(
      'select id from agents where organization_id = $1 and id = any($2::uuid[])',
      [tx.organizationId, ids],
    );
    return new Set(rows.map((row) => row.id));
  }

  /** Enabled channels of these workspaces (null stands for all), held until the end of the transaction. */
  channels(tx: Tx, workspaceIds: readonly (string | null)[]): Promise<RoutedChannel[]> {
    const ids = workspaceIds.includes(null) ? null : [...new Set(workspaceIds)];
    return tx.query(
      `select workspace_id as "workspaceId", id, kind, events from channels
        where organization_id = $1 and status = 'enabled' and ($2::uuid[] is null or workspace_id = any($2))
        order by workspace_id, id for key share`,
      [tx.organizationId, ids],
    );
  }

  /** Where these approvals were asked in Slack, each channel once and held; not those that the policy decided. */
  decidedInSlack(tx: Tx, approvals: readonly { workspaceId: string; id: string }[]): Promise<DecidedInSlack[]> {
    return tx.query(
      `select a.workspace_id as "workspaceId", a.id as "approvalId", c.id as "channelId", n.messages, a.action, a.status,
              coalesce(m.name, g.name, k.name, a.resolved_by) as "decidedBy", a.comment
         from unnest($2::uuid[], $3::uuid[], $3::text[]) as i (workspace_id, id, name)
         join approvals a on a.workspace_id = i.workspace_id and a.id = i.id
         join lateral (
           select x.channel_id, count(*)::int as messages from notifications x
            where x.workspace_id = a.workspace_id and x.asked_approval_id = i.name group by x.channel_id) n on true
         join channels c on c.workspace_id = a.workspace_id and c.id = n.channel_id
         left join members m on m.workspace_id = a.workspace_id and m.id = a.resolver_member_id
         left join agents g on g.id = a.resolver_agent_id
         left join api_keys k on 'key:' || k.id = a.resolved_by
        where a.organization_id = $1 and a.status <> 'pending' and a.resolved_by <> 'policy' and c.status = 'enabled'
        order by c.workspace_id, c.id for key share of c`,
      [tx.organizationId, approvals.map(({ workspaceId }) => workspaceId), approvals.map(({ id }) => id)],
    );
  }

  /**
   * Messages of their own. For an inbox to be written is to have arrived, unless the workspace has switched notifications
   * off. What was written before stays as it is.
   * @returns those that are new and have to be sent
   */
  async insert(tx: Tx, notifications: readonly NewNotification[]): Promise<Written[]> {
    if (notifications.length === 0) return [];
    const written = await tx.query<{ id: string; status: string }>(
      `insert into notifications (${COLUMNS})
       select $1, n."workspaceId", n.id, n."eventId", n."eventType", n.channel, n."memberId", n."agentId", n."channelId",
              n.title, n.text, n.subject, n.refs, n.critical, null, false,
              case when here.arrives then 'delivered' else 'queued' end, case when here.arrives then 1 else 0 end,
              case when not here.arrives then ${DUE} end, case when here.arrives then clock_timestamp() end
         from ${ROWS}
         join workspaces w on w.id = n."workspaceId"
        cross join lateral (
          select n.channel = 'inbox' and coalesce(w.settings #>> '{features,notifications}', 'true') <> 'false' as arrives
        ) here
        order by n."eventSeq"
       on conflict (workspace_id, event_id, channel, recipient_id) do nothing returning id, status`,
      [tx.organizationId, JSON.stringify(notifications)],
    );
    const waiting = new Set(written.filter((row) => row.status === 'queued').map((row) => row.id));
    return notifications.filter((one) => waiting.has(one.id) && one.channel !== 'agent');
  }

  /**
   * Digests: each joins the one that is open for its recipient, channel and key, or opens it. One that is being sent at
   * this moment is waited for, and is then no longer open.
   * @returns those that were opened
   */
  async gather(tx: Tx, notifications: readonly NewNotification[]): Promise<Written[]> {
    if (notifications.length === 0) return [];
    const first = new Map(notifications.map((one) => [digestOf(one), one]));
    const digests = await tx.query<WrittenDigest>(
      `insert into notifications (${COLUMNS})
       select $1, n."workspaceId", n.id, null, n."eventType", n.channel, n."memberId", n."agentId", n."channelId",
              n.title, n.text, n.subject, n.refs, n.critical, n."digestKey", true, 'queued', 0, ${DUE}, null
         from ${ROWS}
        order by n."workspaceId", coalesce(n."memberId", n."agentId", n."channelId"), n.channel, n."digestKey"
       on conflict (workspace_id, recipient_id, channel, digest_key) where digest_open do update set digest_open = true
       returning id, workspace_id as "workspaceId", recipient_id as "recipientId", channel, channel_id as "channelId",
                 digest_key as "digestKey",
                 xmax = 0 as "isNew",
                 extract(epoch from next_attempt_at - clock_timestamp()) * 1000 as "delayMs"`,
      [tx.organizationId, JSON.stringify([...first.values()])],
    );
    const idOf = new Map(
      digests.map((row) => [[row.workspaceId, row.recipientId, row.channel, row.digestKey].join(), row.id]),
    );
    await this.addItems(
      tx,
      notifications.map((one) => ({ ...one, id: idOf.get(digestOf(one)) ?? one.id })),
    );
    return digests.filter((row) => row.isNew).map((row) => ({ ...row, delayMs: Number(row.delayMs) }));
  }

  private async addItems(tx: Tx, notifications: readonly NewNotification[]): Promise<void> {
    await tx.query(
      `insert into notification_items (organization_id, workspace_id, notification_id, event_id, event_seq, title, text)
       select $1, n."workspaceId", n.id, n."eventId", n."eventSeq", n.title, n.text from ${ROWS}
       on conflict do nothing`,
      [tx.organizationId, JSON.stringify(notifications)],
    );
  }
}

function digestOf({ workspaceId, memberId, agentId, channelId, channel, digestKey }: NewNotification): string {
  return [workspaceId, memberId ?? agentId ?? channelId, channel, digestKey].join();
}
