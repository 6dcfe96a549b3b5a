import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Author } from '../authors/author.js';

export type SubscriptionReason = 'assignment' | 'post' | 'mention' | 'request';

export interface SubscriptionRow {
  task_id: string;
  agent_id: string | null;
  key_id: string | null;
  subscriber: string;
  name: string;
  reason: SubscriptionReason;
  created_at: Date;
}

export interface Following {
  who: Author;
  reason: SubscriptionReason;
}

const ROW = `select s.task_id, s.agent_id, s.key_id, s.subscriber, coalesce(a.name, m.name, k.name, '') as name, s.reason, s.created_at
    from subscriptions s
    left join agents a on a.id = s.agent_id
    left join api_keys k on k.id = s.key_id
    left join members m on m.workspace_id = s.workspace_id and m.id = s.member_id`;

/** Who follows the threads of tasks, in the transaction's workspace; members who are gone follow nothing. */
@Injectable()
export class SubscriptionStore {
  /** Each at most once, however many do it at once. @returns the new ones' ids */
  async follow(tx: Tx, taskId: string, following: readonly Following[]): Promise<string[]> {
    const rows = following.map(({ who: { agent, member, key }, reason }) => ({ agent, member, key, reason }));
    // In one order, so that two who do the same at once wait for each other instead of both for ever.
    const written = await tx.query<{ subscriber: string }>(
      `insert into subscriptions (organization_id, workspace_id, task_id, agent_id, member_id, key_id, reason)
       select $1, $2, $3, r.agent, r.member, r.key, r.reason
         from jsonb_to_recordset($4) as r(agent uuid, member uuid, key uuid, reason text)
        order by coalesce(r.agent, r.member, r.key)
       on conflict (workspace_id, task_id, subscriber) do nothing returning subscriber`,
      [tx.organizationId, tx.workspaceId, taskId, JSON.stringify(rows)],
    );
    return written.map((row) => row.subscriber);
  }

  /** @returns whether there was anything to end */
  async leave(tx: Tx, taskId: string, subscriber: string): Promise<boolean> {
    const rows = await tx.query(
      'delete from subscriptions where workspace_id = $1 and task_id = $2 and subscriber = $3 returning subscriber',
      [tx.workspaceId, taskId, subscriber],
    );
    return rows.length === 1;
  }

  async find(tx: Tx, taskId: string, subscriber: string): Promise<SubscriptionRow | null> {
    const [row] = await tx.query<SubscriptionRow>(
      `${ROW} where s.workspace_id = $1 and s.task_id = $2 and s.subscriber = $3`,
      [tx.workspaceId, taskId, subscriber],
    );
    return row ?? null;
  }

  /** In the order in which they came. */
  async list(tx: Tx, taskId: string): Promise<(SubscriptionRow & { who: Author })[]> {
    const rows = await tx.query<SubscriptionRow>(
      `${ROW} where s.workspace_id = $1 and s.task_id = $2 and m.status is distinct from 'removed'
        order by s.created_at, s.subscriber`,
      [tx.workspaceId, taskId],
    );
    return rows.map((row) => ({ ...row, who: subscriberOf(row) }));
  }

  async member(tx: Tx, id: string): Promise<Author | null> {
    const [row] = await tx.query<{ name: string }>(
      "select name from members where workspace_id = $1 and id = $2 and status <> 'removed'",
      [tx.workspaceId, id],
    );
    return row ? { member: id, name: row.name } : null;
  }
}

export function subscriberOf({ agent_id: agent, key_id: key, subscriber, name }: SubscriptionRow): Author {
  if (agent !== null) return { agent, name };
  return key === null ? { member: subscriber, name } : { key, name };
}
