import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { WebhookRow } from './webhook.row.js';

const COLUMNS = `id, url, description, events, status, disabled_reason, failing_since, consecutive_failures, version,
  created_at, updated_at, (extract(epoch from created_at) * 1000000)::bigint::text as sort_key`;
/** How long a replaced secret still signs. */
const OLD_SECRET_HOURS = 24;
/** Signatures in one header at the most; a secret that was replaced more often than that signs no more. */
const MAX_SECRETS = 10;

export type WebhookChange = Partial<Pick<WebhookRow, 'url' | 'description' | 'events' | 'status'>>;

/** Webhooks and their secrets, in the transaction it is given. */
@Injectable()
export class WebhookStore {
  async find(tx: Tx, id: string): Promise<WebhookRow | null> {
    const [row] = await tx.query<WebhookRow>(
      `select ${COLUMNS} from webhook_endpoints where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** As `find`, and nobody else changes it until the end of the transaction. */
  async lock(tx: Tx, id: string): Promise<WebhookRow | null> {
    const [row] = await tx.query<WebhookRow>(
      `select ${COLUMNS} from webhook_endpoints where workspace_id = $1 and id = $2 for no key update`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  list(tx: Tx, after: string[] | null, limit: number): Promise<WebhookRow[]> {
    const [afterKey, afterId] = after ?? [null, null];
    return tx.query(
      `select ${COLUMNS} from webhook_endpoints
        where workspace_id = $1
          and ($2::bigint is null or (created_at, id) > (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
        order by created_at, id limit $4`,
      [tx.workspaceId, afterKey, afterId, limit + 1],
    );
  }

  /** Counts them while nobody else can add one. */
  async countExclusively(tx: Tx): Promise<number> {
    await tx.query('select 1 from workspaces where id = $1 for no key update', [tx.workspaceId]);
    const [row] = await tx.query<{ count: number }>(
      'select count(*)::int as count from webhook_endpoints where workspace_id = $1',
      [tx.workspaceId],
    );
    return row?.count ?? 0;
  }

  async insert(
    tx: Tx,
    webhook: { id: string; url: string; description: string; events: string[]; secret: string },
  ): Promise<void> {
    await tx.query(
      `insert into webhook_endpoints (organization_id, workspace_id, id, url, description, events)
       values ($1, $2, $3, $4, $5, $6)`,
      [tx.organizationId, tx.workspaceId, webhook.id, webhook.url, webhook.description, webhook.events],
    );
    await this.addSecret(tx, webhook.id, webhook.secret);
  }

  async currentSecret(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.query<{ secret: string }>(
      'select secret from webhook_secrets where workspace_id = $1 and endpoint_id = $2 and valid_until is null',
      [tx.workspaceId, id],
    );
    return row?.secret ?? null;
  }

  /** The secrets before it sign for 24 hours more. */
  async replaceSecret(tx: Tx, id: string, secret: string): Promise<void> {
    await tx.query(
      `update webhook_secrets set valid_until = now() + make_interval(hours => ${OLD_SECRET_HOURS})
        where workspace_id = $1 and endpoint_id = $2 and valid_until is null`,
      [tx.workspaceId, id],
    );
    await this.addSecret(tx, id, secret);
    await tx.query(
      `delete from webhook_secrets s where s.workspace_id = $1 and s.endpoint_id = $2
          and (s.valid_until <= now() or s.number <= (select max(number) - ${MAX_SECRETS} from webhook_secrets m
                                                       where m.workspace_id = $1 and m.endpoint_id = $2))`,
      [tx.workspaceId, id],
    );
  }

  /** Enabling forgets failures. Disabling makes what is pending due, so that it is given up now and not in a day. */
  async change(tx: Tx, id: string, change: WebhookChange): Promise<void> {
    await tx.query(
      `update webhook_endpoints
          set url = coalesce($3, url), description = coalesce($4, description), events = coalesce($5, events),
              status = coalesce($6, status),
              disabled_reason = case $6 when 'enabled' then null when 'disabled' then 'by_user' else disabled_reason end,
              failing_since = case when $6 = 'enabled' then null else failing_since end,
              consecutive_failures = case when $6 = 'enabled' then 0 else consecutive_failures end,
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2`,
      [
        tx.workspaceId,
        id,
        change.url ?? null,
        change.description ?? null,
        change.events ?? null,
        change.status ?? null,
      ],
    );
    if (change.status !== 'disabled') return;
    await tx.query(
      `update deliveries set next_attempt_at = now()
        where workspace_id = $1 and endpoint_id = $2 and status = 'pending' and next_attempt_at > now()`,
      [tx.workspaceId, id],
    );
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('delete from webhook_endpoints where workspace_id = $1 and id = $2', [tx.workspaceId, id]);
  }

  private async addSecret(tx: Tx, id: string, secret: string): Promise<void> {
    await tx.query(
      `insert into webhook_secrets (organization_id, workspace_id, endpoint_id, number, secret)
       select $1, $2, $3, coalesce(max(number), 0) + 1, $4
         from webhook_secrets where workspace_id = $2 and endpoint_id = $3`,
      [tx.organizationId, tx.workspaceId, id, secret],
    );
  }
}
