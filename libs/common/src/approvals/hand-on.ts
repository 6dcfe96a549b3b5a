import type { Tx } from '../db/database.js';
import { DEFAULT_ASSIGNEES, mayBeAsked, OWNERS } from '../domain/approval-deciders.js';
import { tellDelegated } from './approval-tale.js';
import { lockAskedOf, writeAssignees } from './approval.store.js';

/** A member as somebody has just made them. */
interface Changed {
  id: string;
  /** Null: they are no member any more. */
  role: string | null;
}

/**
 * What waits for a member who can decide it no longer waits for the others who are asked, or where there are none for those
 * who are asked when nobody is named.
 */
export async function handOn(tx: Tx, workspaceId: string, { id, role }: Changed, actor: string): Promise<void> {
  for (const row of await lockAskedOf(tx, workspaceId, id)) {
    if (role !== null && mayBeAsked(row, role)) continue;
    const others = row.assignees.filter((one) => !('member' in one && one.member === id));
    const byDefault = row.policy === 'blocked' ? OWNERS : DEFAULT_ASSIGNEES;
    const handed = await writeAssignees(tx, row, others.length > 0 ? others : byDefault);
    await tellDelegated(tx, handed, actor, row.assignees);
  }
}
