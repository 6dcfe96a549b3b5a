import type { Database, Tx } from '@houston/common/db/database.js';
import type { Caller } from './caller.js';
import { Problem } from './problem.js';

/** Runs `act` over everything the key may ever see: the whole organization, or the one workspace it is bound to. */
export function inReach<T>(db: Database, caller: Caller, act: (tx: Tx) => Promise<T>): Promise<T> {
  const { organizationId, keyWorkspaceId } = caller;
  if (keyWorkspaceId === null) return db.inOrganization(organizationId, act);
  return db.inWorkspace({ organizationId, workspaceId: keyWorkspaceId }, act);
}

/** @throws Problem forbidden when the key is bound to a workspace; `detail` says what it would need */
export function requireOrganizationKey(caller: Caller, detail: string): void {
  if (caller.keyWorkspaceId !== null) throw new Problem('forbidden', { detail });
}
