import { Inject, Injectable } from '@nestjs/common';
import { handOn } from '@houston/common/approvals/hand-on.js';
import { mayGrant, type MemberRole } from '@houston/common/auth/roles.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { notFound, Problem } from '../http/problem.js';
import { KeyStore } from '../keys/key.store.js';
import type { CreateMemberDto, UpdateMemberDto } from './member.dto.js';
import type { MemberRow } from './member.row.js';
import { type MemberFilter, MemberStore } from './member.store.js';

/** The people of a workspace. */
@Injectable()
export class MemberService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(MemberStore) private readonly store: MemberStore,
    @Inject(KeyStore) private readonly keys: KeyStore,
  ) {}

  list(caller: Caller, filter: MemberFilter): Promise<MemberRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<MemberRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  /** @throws Problem forbidden, already_exists */
  create(caller: Caller, body: CreateMemberDto, { id, mayExist }: CreationId): Promise<MemberRow> {
    requireGrant(caller, body.role);
    return this.db.inWorkspace(caller, async (tx) => {
      const { email, name, role } = body;
      if (await this.store.insert(tx, { id, email, name, role, createdBy: caller.actor })) {
        const member = await this.present(tx, id);
        await append(tx, caller, 'member.invited', member, { role });
        return member;
      }
      const existing = await this.store.findByEmail(tx, email);
      if (existing && mayExist && existing.id === id) return existing;
      throw taken(existing?.id);
    });
  }

  /** @throws Problem not_found, forbidden, precondition_failed, already_exists, last_owner */
  update(caller: Caller, id: string, body: UpdateMemberDto, ifMatch: string | undefined): Promise<MemberRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, caller, id);
      requireMatch(ifMatch, before.version);
      const { email = before.email, name = before.name, role = before.role } = body;
      if (email === before.email && name === before.name && role === before.role) return before;
      requireGrant(caller, role);
      if (role !== 'owner') await this.requireAnotherOwner(tx, before);
      if (!(await this.store.change(tx, id, { email, name, role }))) {
        throw taken((await this.store.findByEmail(tx, email))?.id);
      }
      const member = await this.present(tx, id);
      if (role !== before.role) await handOn(tx, caller.workspaceId, { id, role }, caller.actor);
      await append(tx, caller, 'member.updated', member, { changed: Object.keys(body), role });
      return member;
    });
  }

  /** The member's keys end with the membership. @throws Problem not_found, forbidden, last_owner */
  remove(caller: Caller, id: string): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      const member = await this.locked(tx, caller, id);
      await this.requireAnotherOwner(tx, member);
      await this.store.remove(tx, id);
      const revoked = await this.keys.revokeOfMember(tx, id);
      await handOn(tx, caller.workspaceId, { id, role: null }, caller.actor);
      await append(tx, caller, 'member.removed', member, { revokedKeys: revoked });
    });
  }

  private async locked(tx: Tx, caller: Caller, id: string): Promise<MemberRow> {
    await this.store.lockAll(tx);
    const member = await this.store.lock(tx, id);
    if (!member) throw notFound();
    requireGrant(caller, member.role);
    return member;
  }

  private async requireAnotherOwner(tx: Tx, { id, role }: MemberRow): Promise<void> {
    if (role !== 'owner' || (await this.store.anotherOwner(tx, id))) return;
    throw new Problem('last_owner', { detail: 'Make another member owner first: every workspace keeps one.' });
  }

  private async present(tx: Tx, id: string): Promise<MemberRow> {
    const member = await this.store.find(tx, id);
    if (!member) throw notFound();
    return member;
  }
}

function requireGrant({ role: own }: Caller, role: MemberRole): void {
  if (!mayGrant(own, role)) throw new Problem('forbidden', { detail: `The role ${own} deals in no ${role}s.` });
}

function taken(existingId: string | undefined): Problem {
  return new Problem('already_exists', {
    detail: 'This address is a member of the workspace already.',
    extensions: { existingId },
  });
}

/** The ledger names members, but never their addresses: it cannot forget them. */
async function append(
  tx: Tx,
  { actor }: Caller,
  type: string,
  { id, name }: MemberRow,
  data: Record<string, unknown>,
): Promise<void> {
  await appendEvent(tx, { type, actor, subject: `member:${id}`, data: { memberId: id, name, ...data } });
}
