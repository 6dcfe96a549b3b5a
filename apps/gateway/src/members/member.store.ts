import { Injectable } from '@nestjs/common';
import type { MemberRole } from '@houston/common/auth/roles.js';
import type { Tx } from '@houston/common/db/database.js';
import type { MemberRow } from './member.row.js';

export interface NewMember {
  id: string;
  email: string;
  name: string;
  role: MemberRole;
  createdBy: string;
}

export interface MemberFilter {
  role?: MemberRole;
  /** Creation (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

const MEMBER = `select id, workspace_id, email, name, role, status, invitation_expires_at, version, created_by,
    created_at, updated_at, (extract(epoch from created_at) * 1000000)::bigint::text as sort_key
  from members`;

/** The members of workspaces; those who were removed are not found. */
@Injectable()
export class MemberStore {
  async find(tx: Tx, id: string): Promise<MemberRow | null> {
    const [row] = await tx.query<MemberRow>(
      `${MEMBER} where organization_id = $1 and id = $2 and status <> 'removed'`,
      [tx.organizationId, id],
    );
    return row ?? null;
  }

  async findByEmail(tx: Tx, email: string): Promise<MemberRow | null> {
    const [row] = await tx.query<MemberRow>(`${MEMBER} where workspace_id = $1 and lower(email) = lower($2)`, [
      tx.workspaceId,
      email,
    ]);
    return row ?? null;
  }

  /** As `find`, and nobody else changes it until the transaction ends. */
  async lock(tx: Tx, id: string): Promise<MemberRow | null> {
    const [row] = await tx.query<MemberRow>(
      `${MEMBER} where organization_id = $1 and id = $2 and status <> 'removed' for no key update`,
      [tx.organizationId, id],
    );
    return row ?? null;
  }

  /** Oldest first. */
  list(tx: Tx, { role, after, limit }: MemberFilter): Promise<MemberRow[]> {
    const [afterCreation, afterId] = after ?? [null, null];
    return tx.query(
      `${MEMBER}
        where workspace_id = $1 and status <> 'removed' and ($2::text is null or role = $2)
          and ($3::bigint is null or (created_at, id) > (timestamptz 'epoch' + $3 * interval '1 microsecond', $4::uuid))
        order by created_at, id limit $5`,
      [tx.workspaceId, role ?? null, afterCreation, afterId, limit + 1],
    );
  }

  /** @returns false when the address is taken in this workspace, or the id */
  async insert(tx: Tx, { id, email, name, role, createdBy }: NewMember): Promise<boolean> {
    const rows = await tx.query(
      `insert into members (organization_id, workspace_id, id, email, name, role, created_by)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id`,
      [tx.organizationId, tx.workspaceId, id, email, name, role, createdBy],
    );
    return rows.length === 1;
  }

  /** @returns false when the address is taken */
  async change(tx: Tx, id: string, { email, name, role }: Omit<NewMember, 'id' | 'createdBy'>): Promise<boolean> {
    const rows = await tx.query(
      `update members set email = $3, name = $4, role = $5, version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2
          and not exists (select 1 from members where workspace_id = $1 and lower(email) = lower($3) and id <> $2)
       returning id`,
      [tx.workspaceId, id, email, name, role],
    );
    return rows.length === 1;
  }

  /** @returns false when the member was active already */
  async activate(tx: Tx, { workspace_id, id }: MemberRow): Promise<boolean> {
    const rows = await tx.query(
      `update members set status = 'active', invitation_hash = null, invitation_expires_at = null,
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2 and status = 'invited' returning id`,
      [workspace_id, id],
    );
    return rows.length === 1;
  }

  /** @returns until when the invitation holds */
  async invite(tx: Tx, id: string, hash: string): Promise<Date> {
    const [row] = await tx.query<{ until: Date }>(
      `update members set invitation_hash = $3, invitation_expires_at = now() + interval '7 days', updated_at = now()
        where workspace_id = $1 and id = $2 and status = 'invited' returning invitation_expires_at as until`,
      [tx.workspaceId, id, hash],
    );
    if (!row) throw new Error(`Member ${id} is no longer invited`);
    return row.until;
  }

  async isInvitedBy(tx: Tx, id: string, hash: string): Promise<boolean> {
    const rows = await tx.query(
      `select 1 from members where workspace_id = $1 and id = $2 and invitation_hash = $3 and invitation_expires_at > now()`,
      [tx.workspaceId, id, hash],
    );
    return rows.length > 0;
  }

  /** What was done stays under the name; the address is forgotten. */
  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query(
      `update members set status = 'removed', email = null, invitation_hash = null, invitation_expires_at = null,
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id],
    );
  }

  /** One change of roles after the other: two last owners must not remove each other, nor one address join twice. */
  async lockAll(tx: Tx): Promise<void> {
    await tx.query('select 1 from workspaces where id = $1 for no key update', [tx.workspaceId]);
  }

  async anotherOwner(tx: Tx, id: string): Promise<boolean> {
    const rows = await tx.query(
      "select 1 from members where workspace_id = $1 and id <> $2 and role = 'owner' and status <> 'removed' limit 1",
      [tx.workspaceId, id],
    );
    return rows.length > 0;
  }
}
