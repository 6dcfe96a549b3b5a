import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { TaskPriority } from '@houston/common/tasks/task.row.js';
import type { Author } from '../authors/author.js';
import type { AgentMessageRow, Letter, MessageType } from './agent-message.row.js';

export interface MessageFilter {
  unread?: boolean;
  unacknowledged?: boolean;
  type?: MessageType;
  priority?: TaskPriority;
  /** createdAt (microseconds as text) and id of the last one of the page before. */
  after: string[] | null;
  limit: number;
}

interface NewMessage extends Letter {
  id: string;
  agent_id: string;
  sender: Author;
  expire_after_days: number;
}

/** Seconds within which messages of a sender are counted. */
const WINDOW_SECONDS = 60;

const MESSAGE = `select m.*, a.name as agent_name from agent_messages m join agents a on a.id = m.agent_id`;

/** Direct messages of the transaction's workspace. What has expired is there no more, removed or not. */
@Injectable()
export class AgentMessageStore {
  async find(tx: Tx, id: string): Promise<AgentMessageRow | null> {
    const [row] = await tx.query<AgentMessageRow>(
      `${MESSAGE} where m.workspace_id = $1 and m.id = $2 and m.expires_at > now()`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  async lock(tx: Tx, id: string): Promise<AgentMessageRow | null> {
    const [row] = await tx.query<AgentMessageRow>(
      `${MESSAGE} where m.workspace_id = $1 and m.id = $2 and m.expires_at > now() for update of m`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** Newest first. `sort_key` is the exact creation, for the cursor. */
  list(tx: Tx, agentId: string, filter: MessageFilter): Promise<(AgentMessageRow & { sort_key: string })[]> {
    const [afterTime, afterId] = filter.after ?? [null, null];
    const conditions = [
      flag(filter.unread, 'm.read_at is null'),
      flag(filter.unacknowledged, '(m.requires_ack and m.acknowledged_at is null)'),
    ];
    return tx.query(
      `select m.*, a.name as agent_name, (extract(epoch from m.created_at) * 1000000)::bigint::text as sort_key
         from agent_messages m join agents a on a.id = m.agent_id
        where m.workspace_id = $1 and m.agent_id = $2 and m.expires_at > now() ${conditions.join(' ')}
          and ($3::text is null or m.type = $3) and ($4::text is null or m.priority = $4)
          and ($5::bigint is null or (m.created_at, m.id) < (timestamptz 'epoch' + $5 * interval '1 microsecond', $6::uuid))
        order by m.created_at desc, m.id desc limit $7`,
      [tx.workspaceId, agentId, filter.type ?? null, filter.priority ?? null, afterTime, afterId, filter.limit + 1],
    );
  }

  /** One sender's messages are counted one after the other, whichever gateway they come to. */
  async lockSender(tx: Tx, agentId: string): Promise<void> {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended($1, 12))`, [`messages ${tx.workspaceId} ${agentId}`]);
  }

  /**
   * To call under `lockSender`.
   *
   * @param most messages within 60 s
   * @returns seconds until the sender may send again, or null while it may
   */
  async secondsToWait(tx: Tx, agentId: string, most: number): Promise<number | null> {
    const [row] = await tx.query<{ sent: number; wait: number }>(
      `select count(*)::int as sent,
              greatest(1, ceil(extract(epoch from min(created_at) - clock_timestamp()) + $4::int))::int as wait
         from (select created_at from agent_messages
                where workspace_id = $1 and sender_agent_id = $2
                  and created_at > clock_timestamp() - make_interval(secs => $4::int)
                order by created_at desc limit $3) latest`,
      [tx.workspaceId, agentId, most, WINDOW_SECONDS],
    );
    return row && row.sent >= most ? row.wait : null;
  }

  /** @returns false when the id is taken */
  async insert(tx: Tx, message: NewMessage): Promise<boolean> {
    const rows = await tx.query(
      `insert into agent_messages (organization_id, workspace_id, id, agent_id, sender, sender_agent_id, type, priority, subject, body,
                                   task_id, reply_to, template, requires_ack, ack_within_seconds, created_at, expires_at, ack_due_at)
       select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::int, c.at, c.at + e.lives,
              case when $14 then c.at + least(make_interval(secs => $15::int), e.lives) end
         from (select clock_timestamp() as at) c, (select make_interval(days => $16::int) as lives) e
       on conflict (workspace_id, id) do nothing returning id`,
      [
        ...[tx.organizationId, tx.workspaceId, message.id, message.agent_id],
        ...[JSON.stringify(message.sender), message.sender.agent ?? null],
        ...[message.type, message.priority, message.subject, message.body, message.task_id, message.reply_to],
        ...[message.template, message.requires_ack, message.ack_within_seconds, message.expire_after_days],
      ],
    );
    return rows.length === 1;
  }

  async acknowledge(tx: Tx, id: string, by: string, response: string | null): Promise<void> {
    await tx.query(
      `update agent_messages
          set acknowledged_at = now(), acknowledged_by = $3, response = $4, ack_due_at = null, read_at = coalesce(read_at, now())
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id, by, response],
    );
  }

  /** Locks messages in one order. @param agentId only those to this agent; null: to any */
  lockAll(tx: Tx, ids: readonly string[], agentId: string | null): Promise<AgentMessageRow[]> {
    return tx.query(
      `${MESSAGE} where m.workspace_id = $1 and m.id = any($2::uuid[]) and m.expires_at > now()
          and ($3::uuid is null or m.agent_id = $3)
        order by m.id for update of m`,
      [tx.workspaceId, ids, agentId],
    );
  }

  async read(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.query(
      'update agent_messages set read_at = now() where workspace_id = $1 and id = any($2::uuid[]) and read_at is null',
      [tx.workspaceId, ids],
    );
  }

  async hasTask(tx: Tx, id: string): Promise<boolean> {
    return (await tx.query('select from tasks where workspace_id = $1 and id = $2', [tx.workspaceId, id])).length > 0;
  }
}

/** A condition, its opposite, or none. */
function flag(wanted: boolean | undefined, condition: string): string {
  if (wanted === undefined) return '';
  return wanted ? `and ${condition}` : `and not ${condition}`;
}
