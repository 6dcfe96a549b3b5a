import type { ApprovalPolicy } from './approval-policy.js';

export const DECIDER_ROLES = ['owner', 'admin', 'member'] as const;

export type DeciderRole = (typeof DECIDER_ROLES)[number];

/** Somebody who is asked: a member of the workspace, an agent, or everybody of a role and the roles above. */
export type Assignee = { readonly member: string } | { readonly agent: string } | { readonly role: DeciderRole };

/** Who is asked when nobody is named. */
export const DEFAULT_ASSIGNEES: readonly Assignee[] = [{ role: 'owner' }, { role: 'admin' }];
export const OWNERS: readonly Assignee[] = [{ role: 'owner' }];

/** Who is told for this time that an approval still waits: whoever is asked, from the second time on those above, too. */
export function askedAgain(
  { policy, assignees }: { policy: ApprovalPolicy; assignees: readonly Assignee[] },
  time: number,
): readonly Assignee[] {
  if (time <= 1) return assignees;
  return [...assignees, ...(policy === 'blocked' ? OWNERS : DEFAULT_ASSIGNEES)];
}

/** Somebody who asks or decides. */
export interface Party {
  /** Null: the house itself. */
  readonly keyId: string | null;
  readonly agentId: string | null;
  readonly memberId: string | null;
}

export interface Decider extends Party {
  readonly role: string;
}

/** The same key, the same agent with another key, or the same member with another key. */
export function isSameParty(one: Party, other: Party): boolean {
  return (
    (one.keyId !== null && one.keyId === other.keyId) ||
    (one.agentId !== null && one.agentId === other.agentId) ||
    (one.memberId !== null && one.memberId === other.memberId)
  );
}

/** Those who are asked may decide, and owners always; what is blocked is for owners alone. */
export function mayDecide(policy: ApprovalPolicy, assignees: readonly Assignee[], decider: Decider): boolean {
  if (decider.role === 'owner') return true;
  return policy !== 'blocked' && assignees.some((assignee) => names(assignee, decider));
}

/** Whether somebody of this role could decide it when asked by name. */
export function mayBeAsked({ policy, kind }: { policy: ApprovalPolicy; kind: string }, role: string): boolean {
  if (policy === 'blocked') return role === 'owner';
  return rolesUpTo(role).includes(kind === 'action' ? 'member' : 'admin');
}

function names(assignee: Assignee, decider: Decider): boolean {
  if ('member' in assignee) return assignee.member === decider.memberId;
  if ('agent' in assignee) return assignee.agent === decider.agentId;
  return rolesUpTo(decider.role).includes(assignee.role);
}

/** The roles that somebody stands for: an admin answers where members are asked. */
export function rolesUpTo(role: string): DeciderRole[] {
  const place = DECIDER_ROLES.findIndex((one) => one === role);
  return place === -1 ? [] : DECIDER_ROLES.slice(place);
}
