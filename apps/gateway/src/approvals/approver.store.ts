import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';

const MAX_NAMED = 20;
const REMEMBERED = 1_000;
/** A denial is not worth a query each; the names are a help, not a verdict. */
const REMEMBERED_MS = 5_000;

/** Somebody who may grant what a budget refuses: a role, or a member that has it. */
export type Approver = { role: string } | GrantingMember;

interface GrantingMember {
  member: string;
  name: string;
  role: string;
}

const GRANTING_ROLES: readonly Approver[] = [{ role: 'owner' }, { role: 'admin' }];

/** The people of a workspace, as far as approvals concern them. */
@Injectable()
export class ApproverStore {
  private readonly known = new LRUCache<string, Promise<GrantingMember[]>>({ max: REMEMBERED, ttl: REMEMBERED_MS });

  constructor(@Inject(Database) private readonly db: Database) {}

  /** Null: no such member, or removed. */
  async roleOf(tx: Tx, workspaceId: string, memberId: string): Promise<string | null> {
    const [row] = await tx.query<{ role: string }>(
      `select role from members where workspace_id = $1 and id = $2 and status <> 'removed'`,
      [workspaceId, memberId],
    );
    return row?.role ?? null;
  }

  /**
   * Who may raise or thaw a budget: owners and admins, the first members of these roles by name. Up to 5 s old.
   *
   * @param isOrganizations the budget is the whole organization's; members' keys reach their own workspace only
   */
  async approvers(scope: WorkspaceScope, isOrganizations: boolean): Promise<Approver[]> {
    return isOrganizations ? [...GRANTING_ROLES] : [...GRANTING_ROLES, ...(await this.members(scope))];
  }

  private members(scope: WorkspaceScope): Promise<GrantingMember[]> {
    const known = this.known.get(scope.workspaceId);
    if (known) return known;
    const reading = this.read(scope);
    this.known.set(scope.workspaceId, reading);
    reading.catch(() => this.known.delete(scope.workspaceId));
    return reading;
  }

  private read(scope: WorkspaceScope): Promise<GrantingMember[]> {
    return this.db.inWorkspace(scope, (tx) =>
      tx.query<GrantingMember>(
        `select id as member, name, role from members
          where workspace_id = $1 and role in ('owner', 'admin') and status <> 'removed'
          order by role desc, name, id limit $2`,
        [scope.workspaceId, MAX_NAMED],
      ),
    );
  }
}
