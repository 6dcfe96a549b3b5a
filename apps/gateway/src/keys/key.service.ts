import { Inject, Injectable } from '@nestjs/common';
import { newApiKey } from '@houston/common/auth/api-key.js';
import { mayGrant } from '@houston/common/auth/roles.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { inReach } from '../http/reach.js';
import type { MemberRow } from '../members/member.row.js';
import { MemberStore } from '../members/member.store.js';
import { WorkspaceStore } from '../workspaces/workspace.store.js';
import type { CreateKeyDto } from './key.dto.js';
import { type KeyFilter, type KeyRow, KeyStore } from './key.store.js';

/** Who gets in, and who no longer does. A key that is bound to a workspace deals in keys of that workspace only. */
@Injectable()
export class KeyService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(KeyStore) private readonly store: KeyStore,
    @Inject(WorkspaceStore) private readonly workspaces: WorkspaceStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  list(caller: Caller, filter: Omit<KeyFilter, 'boundTo'>): Promise<KeyRow[]> {
    return inReach(this.db, caller, (tx) => this.store.list(tx, { ...filter, boundTo: caller.keyWorkspaceId }));
  }

  /** @throws Problem forbidden, unknown_agent, invalid_values */
  async create(caller: Caller, body: CreateKeyDto, { id }: CreationId): Promise<{ key: string; row: KeyRow }> {
    if (!mayGrant(caller.role, body.role)) {
      throw new Problem('forbidden', { detail: `The role ${caller.role} makes no ${body.role} keys.` });
    }
    const agentId = await this.agentIdOf(caller, body.agent);
    const expiresAt = expiryOf(body.expiresAt);
    const secret = newApiKey();
    return inReach(this.db, caller, async (tx) => {
      const member = await this.memberOf(tx, caller, body);
      const workspaceId = await this.workspaceIdOf(tx, caller, body.workspace, member);
      const { name, role } = body;
      const bound = { workspaceId, agentId, memberId: member?.id ?? null };
      await this.store.put(tx, { id, name, role, ...bound, expiresAt, createdBy: caller.actor, secret });
      const row = await this.store.find(tx, id, caller.keyWorkspaceId);
      if (!row) throw new Error(`Key ${id} is gone within its own transaction`);
      const { prefix, workspace_slug: workspace, agent_name: agent, member_id: memberId } = row;
      const { expiresAt: until } = body;
      await this.append(tx, caller, 'key.created', row, {
        ...{ role, prefix, workspace, agent, memberId, expiresAt: until },
      });
      if (member) await this.welcome(tx, caller, member);
      return { key: secret.key, row };
    });
  }

  /** At once, for good; again is harmless. @throws Problem not_found, forbidden, last_owner */
  revoke(caller: Caller, id: string): Promise<void> {
    return inReach(this.db, caller, async (tx) => {
      await this.store.lockOrganization(tx);
      const key = await this.store.find(tx, id, caller.keyWorkspaceId);
      if (!key) throw notFound();
      if (!mayGrant(caller.role, key.role)) {
        throw new Problem('forbidden', { detail: `The role ${caller.role} revokes no ${key.role} keys.` });
      }
      if (key.revoked_at !== null) return;
      if (isOwnerOfAll(key) && !(await this.store.anotherOwner(tx, id))) {
        throw new Problem('last_owner', { detail: 'Make another owner key first: nobody could get in any more.' });
      }
      await this.store.revoke(tx, id);
      await this.append(tx, caller, 'key.revoked', key, { role: key.role, prefix: key.prefix });
    });
  }

  private async append(
    tx: Tx,
    { actor }: Caller,
    type: string,
    { id, name, workspace_id }: KeyRow,
    data: Record<string, unknown>,
  ): Promise<void> {
    const about = { type, actor, subject: `key:${id}`, workspaceId: workspace_id };
    await appendEvent(tx, { ...about, data: { keyId: id, name, ...data } });
  }

  /** Without a name: the member's, or wherever the calling key itself is bound to. */
  private async workspaceIdOf(
    tx: Tx,
    caller: Caller,
    ref: string | undefined,
    member: MemberRow | null,
  ): Promise<string | null> {
    if (ref === undefined) return member?.workspace_id ?? caller.keyWorkspaceId;
    const workspace = await this.workspaces.find(tx, ref);
    if (!workspace) throw invalid('workspace', 'This key reaches no workspace of that slug or id.');
    if (member && member.workspace_id !== workspace.id) {
      throw invalid('workspace', `${member.name} is a member of another workspace.`);
    }
    return workspace.id;
  }

  /** Nobody gets a key to speak as somebody who may do more. */
  private async memberOf(tx: Tx, caller: Caller, { member: id, agent, role }: CreateKeyDto): Promise<MemberRow | null> {
    if (id === undefined) return null;
    if (agent !== undefined) throw invalid('agent', 'A key belongs to a member or to an agent, not to both.');
    if (role === 'agent') throw invalid('role', 'A key of a member has the role of a person.');
    const member = await this.members.lock(tx, id.toLowerCase());
    if (!member) throw invalid('member', 'This key reaches no member of that id. Invite them with POST /api/members.');
    if (mayGrant(caller.role, member.role)) return member;
    throw new Problem('forbidden', { detail: `The role ${caller.role} makes no keys for ${member.role}s.` });
  }

  /** The first key makes the invited a member in fact. */
  private async welcome(tx: Tx, { actor }: Caller, member: MemberRow): Promise<void> {
    if (!(await this.members.activate(tx, member))) return;
    await appendEvent(tx, {
      ...{ type: 'member.joined', actor, subject: `member:${member.id}`, workspaceId: member.workspace_id },
      data: { memberId: member.id, name: member.name, role: member.role },
    });
  }

  private async agentIdOf(caller: Caller, agent: string | undefined): Promise<string | null> {
    if (agent === undefined) return null;
    const known = await this.agents.find(caller.organizationId, agent);
    if (known) return known.id;
    const message = 'No agent has this name or id. Create it with POST /api/agents.';
    throw new Problem('unknown_agent', { detail: `agent: ${message}`, errors: [{ path: 'agent', message }] });
  }
}

function expiryOf(expiresAt: string | undefined): Date | null {
  if (expiresAt === undefined) return null;
  const at = new Date(expiresAt);
  if (Number.isNaN(at.getTime())) throw invalid('expiresAt', 'Give a time such as 2027-01-01T00:00:00Z.');
  if (at.getTime() <= Date.now()) throw invalid('expiresAt', 'It is in the past.');
  return at;
}

function isOwnerOfAll(key: KeyRow): boolean {
  const valid = key.expires_at === null || key.expires_at.getTime() > Date.now();
  return key.role === 'owner' && key.workspace_id === null && key.agent_id === null && valid;
}
