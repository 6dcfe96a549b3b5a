import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { type NewApiKey, newApiKey } from '@houston/common/auth/api-key.js';
import { mayGrant } from '@houston/common/auth/roles.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { FailedLogins } from '../http/failed-logins.js';
import { notFound, Problem } from '../http/problem.js';
import { type KeyRow, KeyStore } from '../keys/key.store.js';
import { hashInvitationToken, newInvitationToken, readInvitationToken } from './invitation-token.js';
import type { MemberRow } from './member.row.js';
import { MemberStore } from './member.store.js';

export interface Invitation {
  token: string;
  expiresAt: Date;
}

/** How the invited come to a key of their own, without anybody else having seen it. */
@Injectable()
export class InvitationService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(MemberStore) private readonly members: MemberStore,
    @Inject(KeyStore) private readonly keys: KeyStore,
    @Inject(FailedLogins) private readonly failures: FailedLogins,
  ) {}

  /** A new one; that before no longer holds. @throws Problem not_found, forbidden, conflict */
  renew(caller: Caller, memberId: string): Promise<Invitation> {
    const { organizationId, workspaceId } = caller;
    return this.db.inWorkspace(caller, async (tx) => {
      const member = await this.members.lock(tx, memberId);
      if (!member) throw notFound();
      if (!mayGrant(caller.role, member.role)) {
        throw new Problem('forbidden', { detail: `The role ${caller.role} invites no ${member.role}s.` });
      }
      if (member.status !== 'invited') throw new Problem('conflict', { detail: 'This member has joined already.' });
      const token = newInvitationToken({ organizationId, workspaceId, memberId });
      const expiresAt = await this.members.invite(tx, memberId, hashInvitationToken(token));
      await append(tx, caller.actor, 'member.invitation_made', member, { expiresAt: expiresAt.toISOString() });
      return { token, expiresAt };
    });
  }

  /** Once: it makes the invited a member with a key. @throws Problem unauthenticated, too_many_failures */
  async accept(token: string, keyName: string | undefined, address: string): Promise<{ key: string; row: KeyRow }> {
    const invited = readInvitationToken(token);
    const made =
      invited && (await this.db.inWorkspace(invited, (tx) => this.join(tx, token, invited.memberId, keyName)));
    if (made) return made;
    const retryAfterSeconds = this.failures.note(address, null);
    if (retryAfterSeconds === null) {
      throw new Problem('unauthenticated', { detail: 'This invitation does not hold, or no longer. Ask for another.' });
    }
    throw new Problem('too_many_failures', { detail: 'Wait before trying another invitation.', retryAfterSeconds });
  }

  private async join(tx: Tx, token: string, memberId: string, keyName: string | undefined) {
    const member = await this.members.lock(tx, memberId);
    if (!member || !(await this.members.isInvitedBy(tx, memberId, hashInvitationToken(token)))) return null;
    await this.members.activate(tx, member);
    const secret = newApiKey();
    const row = await this.makeKey(tx, member, keyName ?? member.name, secret);
    const actor = `key:${row.id}`;
    const { role, prefix, workspace_slug: workspace } = row;
    await appendEvent(tx, {
      ...{ type: 'key.created', actor, subject: actor },
      data: { keyId: row.id, name: row.name, role, prefix, workspace, memberId },
    });
    await append(tx, actor, 'member.joined', member, { role: member.role });
    return { key: secret.key, row };
  }

  private async makeKey(tx: Tx, member: MemberRow, name: string, secret: NewApiKey): Promise<KeyRow> {
    const id = newId();
    await this.keys.put(tx, {
      ...{ id, name, secret, role: member.role, workspaceId: member.workspace_id, memberId: member.id },
      ...{ agentId: null, expiresAt: null, createdBy: `member:${member.id}` },
    });
    const row = await this.keys.find(tx, id, member.workspace_id);
    if (!row) throw new Error(`Key ${id} is gone within its own transaction`);
    return row;
  }
}

async function append(
  tx: Tx,
  actor: string,
  type: string,
  { id, name }: MemberRow,
  data: Record<string, unknown>,
): Promise<void> {
  await appendEvent(tx, { type, actor, subject: `member:${id}`, data: { memberId: id, name, ...data } });
}
