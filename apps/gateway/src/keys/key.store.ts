import { Injectable } from '@nestjs/common';
import type { NewApiKey } from '@houston/common/auth/api-key.js';
import type { Role } from '@houston/common/auth/roles.js';
import type { Tx } from '@houston/common/db/database.js';

export interface KeyRow {
  id: string;
  workspace_id: string | null;
  workspace_slug: string | null;
  agent_id: string | null;
  agent_name: string | null;
  member_id: string | null;
  member_name: string | null;
  name: string;
  role: Role;
  prefix: string;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  /** Creation in microseconds, for the cursor. */
  sort_key: string;
}

export interface NewKey {
  id: string;
  name: string;
  role: Role;
  workspaceId: string | null;
  agentId: string | null;
  memberId: string | null;
  expiresAt: Date | null;
  createdBy: string;
  secret: NewApiKey;
}

export interface KeyFilter {
  /** Only keys that are bound to this workspace; null: all of the organization. */
  boundTo: string | null;
  includeRevoked: boolean;
  /** Creation (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

const COLUMNS = `k.id, k.workspace_id, w.slug as workspace_slug, k.agent_id, a.name as agent_name, k.member_id, m.name as member_name, k.name, k.role, k.prefix,
  k.created_by, k.created_at, k.expires_at, k.revoked_at,
  (extract(epoch from k.created_at) * 1000000)::bigint::text as sort_key`;
const FROM = `from api_keys k left join workspaces w on w.id = k.workspace_id left join agents a on a.id = k.agent_id
  left join members m on m.workspace_id = k.workspace_id and m.id = k.member_id`;

/** API keys without their secrets, which are nowhere. */
@Injectable()
export class KeyStore {
  async find(tx: Tx, id: string, boundTo: string | null): Promise<KeyRow | null> {
    const [row] = await tx.query<KeyRow>(
      `select ${COLUMNS} ${FROM} where k.organization_id = $1 and k.id = $2 and ($3::uuid is null or k.workspace_id = $3)`,
      [tx.organizationId, id, boundTo],
    );
    return row ?? null;
  }

  /** Oldest first. */
  list(tx: Tx, { boundTo, includeRevoked, after, limit }: KeyFilter): Promise<KeyRow[]> {
    const [afterCreation, afterId] = after ?? [null, null];
    return tx.query(
      `select ${COLUMNS} ${FROM}
        where k.organization_id = $1 and ($2::uuid is null or k.workspace_id = $2) and ($3 or k.revoked_at is null)
          and ($4::bigint is null or (k.created_at, k.id) > (timestamptz 'epoch' + $4 * interval '1 microsecond', $5::uuid))
        order by k.created_at, k.id limit $6`,
      [tx.organizationId, boundTo, includeRevoked, afterCreation, afterId, limit + 1],
    );
  }

  /**
   * Writes a key. A retry of the request that made it replaces its secret: the answer that held the first one never
   * left the house.
   */
  async put(tx: Tx, key: NewKey): Promise<void> {
    await tx.query(
      `insert into api_keys (organization_id, workspace_id, id, agent_id, member_id, name, role, prefix, key_hash, created_by, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (id) do update set prefix = excluded.prefix, key_hash = excluded.key_hash`,
      [
        tx.organizationId,
        key.workspaceId,
        key.id,
        key.agentId,
        key.memberId,
        key.name,
        key.role,
        key.secret.prefix,
        key.secret.hash,
        key.createdBy,
        key.expiresAt?.toISOString() ?? null,
      ],
    );
  }

  async revoke(tx: Tx, id: string): Promise<void> {
    await tx.query('update api_keys set revoked_at = now() where id = $1', [id]);
  }

  /** @returns the ids of those that still worked */
  async revokeOfMember(tx: Tx, memberId: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `update api_keys set revoked_at = now()
        where workspace_id = $1 and member_id = $2 and revoked_at is null returning id`,
      [tx.workspaceId, memberId],
    );
    return rows.map((row) => row.id);
  }

  /** One revocation after the other: two last owners must not revoke each other. */
  async lockOrganization(tx: Tx): Promise<void> {
    await tx.query('select 1 from organizations where id = $1 for no key update', [tx.organizationId]);
  }

  /** Whether some other key could still do everything, everywhere. */
  async anotherOwner(tx: Tx, id: string): Promise<boolean> {
    const rows = await tx.query(
      `select 1 from api_keys
        where organization_id = $1 and id <> $2 and role = 'owner' and workspace_id is null and agent_id is null
          and revoked_at is null and (expires_at is null or expires_at > now()) limit 1`,
      [tx.organizationId, id],
    );
    return rows.length > 0;
  }

  async organizationName(tx: Tx): Promise<string> {
    const [row] = await tx.query<{ name: string }>('select name from organizations where id = $1', [tx.organizationId]);
    return row?.name ?? '';
  }
}
