import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import type { LeaseBearer } from './work.store.js';

/** A key that is bound to an agent works for that one only; owners and admins work for any. @throws Problem forbidden */
export function requireOwnAgent(caller: Caller, agentId: string): void {
  if (caller.agentId === agentId || (caller.agentId === null && mayActForAny(caller))) return;
  throw new Problem('forbidden', {
    detail: caller.agentId === null ? 'Use a key that is bound to this agent.' : 'This key is bound to another agent.',
  });
}

/** @throws Problem forbidden */
export function bearerOf(caller: Caller): LeaseBearer {
  const { organizationId, workspaceId, agentId, actor } = caller;
  if (agentId === null && !mayActForAny(caller)) {
    throw new Problem('forbidden', { detail: 'Use a key that is bound to an agent, or an admin key.' });
  }
  return { organizationId, workspaceId, agentId, actor };
}

/** Owners and admins act for any agent. */
export function mayActForAny(caller: Caller): boolean {
  return caller.role === 'owner' || caller.role === 'admin';
}
