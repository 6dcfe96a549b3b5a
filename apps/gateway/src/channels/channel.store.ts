import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { ChannelRow } from './channel.row.js';

const CHANNEL = `select c.id, c.name, c.kind, c.address, c.events, c.status, c.disabled_reason, c.version, c.created_at,
    c.updated_at, (extract(epoch from c.created_at) * 1000000)::bigint::text as sort_key,
    exists (select 1 from channel_secrets s where s.workspace_id = c.workspace_id and s.channel_id = c.id
                and s.signing_secret is not null) as has_signing_secret
  from channels c`;

export interface NewChannel {
  id: string;
  name: string;
  kind: ChannelRow['kind'];
  address: string | null;
  events: string[];
  /** Of a Slack channel. */
  secrets: ChannelSecrets | null;
}

export interface ChannelSecrets {
  url: string;
  signingSecret: string | null;
}

export interface ChannelChange {
  name?: string;
  address?: string;
  events?: string[];
  status?: ChannelRow['status'];
  url?: string;
  /** Null takes it away. */
  signingSecret?: string | null;
}

/** Channels and their secrets, in the transaction it is given. */
@Injectable()
export class ChannelStore {
  async find(tx: Tx, id: string): Promise<ChannelRow | null> {
    const [row] = await tx.query<ChannelRow>(`${CHANNEL} where c.workspace_id = $1 and c.id = $2`, [
      tx.workspaceId,
      id,
    ]);
    return row ?? null;
  }

  /** As `find`, and nobody else changes it until the end of the transaction. */
  async lock(tx: Tx, id: string): Promise<ChannelRow | null> {
    const [row] = await tx.query<ChannelRow>(
      `${CHANNEL} where c.workspace_id = $1 and c.id = $2 for no key update of c`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  list(tx: Tx, after: string[] | null, limit: number): Promise<ChannelRow[]> {
    const [afterKey, afterId] = after ?? [null, null];
    return tx.query(
      `${CHANNEL}
        where c.workspace_id = $1
          and ($2::bigint is null or (c.created_at, c.id) > (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
        order by c.created_at, c.id limit $4`,
      [tx.workspaceId, afterKey, afterId, limit + 1],
    );
  }

  /** Counts them while nobody else can add or rename one. */
  async countExclusively(tx: Tx): Promise<number> {
    await this.lockNames(tx);
    const [row] = await tx.query<{ count: number }>(
      'select count(*)::int as count from channels where workspace_id = $1',
      [tx.workspaceId],
    );
    return row?.count ?? 0;
  }

  async lockNames(tx: Tx): Promise<void> {
    await tx.query('select 1 from workspaces where id = $1 for no key update', [tx.workspaceId]);
  }

  async idByName(tx: Tx, name: string): Promise<string | null> {
    const [row] = await tx.query<{ id: string }>('select id from channels where workspace_id = $1 and name = $2', [
      tx.workspaceId,
      name,
    ]);
    return row?.id ?? null;
  }

  async insert(tx: Tx, { id, name, kind, address, events, secrets }: NewChannel): Promise<void> {
    await tx.query(
      `insert into channels (organization_id, workspace_id, id, name, kind, address, events)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [tx.organizationId, tx.workspaceId, id, name, kind, address, events],
    );
    if (secrets === null) return;
    await tx.query(
      `insert into channel_secrets (organization_id, workspace_id, channel_id, url, signing_secret)
       values ($1, $2, $3, $4, $5)`,
      [tx.organizationId, tx.workspaceId, id, secrets.url, secrets.signingSecret],
    );
  }

  /** Disabling makes what is on its way due, so that it is given up now and not in a quarter of an hour. */
  async change(
    tx: Tx,
    id: string,
    change: ChannelChange,
    reason: 'by_user' | 'unsubscribed' = 'by_user',
  ): Promise<void> {
    const { name, address, events, status } = change;
    await tx.query(
      `update channels
          set name = coalesce($3, name), address = coalesce($4, address), events = coalesce($5, events),
              status = coalesce($6, status),
              disabled_reason = case $6 when 'enabled' then null when 'disabled' then $7 else disabled_reason end,
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id, name ?? null, address ?? null, events ?? null, status ?? null, reason],
    );
    await this.changeSecrets(tx, id, change);
    if (status !== 'disabled') return;
    await tx.query(
      `update notifications set next_attempt_at = now()
        where workspace_id = $1 and channel_id = $2 and next_attempt_at > now()`,
      [tx.workspaceId, id],
    );
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('delete from channels where workspace_id = $1 and id = $2', [tx.workspaceId, id]);
  }

  private async changeSecrets(tx: Tx, id: string, { url, signingSecret }: ChannelChange): Promise<void> {
    if (url === undefined && signingSecret === undefined) return;
    await tx.query(
      `update channel_secrets set url = coalesce($3, url), signing_secret = case when $4 then $5 else signing_secret end
        where workspace_id = $1 and channel_id = $2`,
      [tx.workspaceId, id, url ?? null, signingSecret !== undefined, signingSecret ?? null],
    );
  }
}
