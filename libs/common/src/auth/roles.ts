export const ROLES = ['owner', 'admin', 'member', 'agent', 'viewer'] as const;

export type Role = (typeof ROLES)[number];

/** The roles a person can have; the remaining one is for agents. */
export const MEMBER_ROLES = ['owner', 'admin', 'member', 'viewer'] as const;

export type MemberRole = (typeof MEMBER_ROLES)[number];

/**
 * Who may do what: one line per permission, read by the guard, the OpenAPI document and the tests.
 *
 * An agent's key acts for its own agent only; a key that is bound to a workspace never leaves it, whatever its role.
 */
export const PERMISSIONS = {
  'workspaces:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'workspaces:write': ['owner', 'admin'],
  'keys:read': ['owner', 'admin'],
  'keys:write': ['owner', 'admin'],
  'members:read': ['owner', 'admin', 'member', 'viewer'],
  'members:write': ['owner', 'admin'],
  'agents:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'agents:write': ['owner', 'admin', 'member'],
  'prices:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'prices:write': ['owner', 'admin'],
  'budgets:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'budgets:write': ['owner', 'admin'],
  'executions:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'executions:write': ['owner', 'admin', 'member', 'agent'],
  'tasks:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'tasks:create': ['owner', 'admin', 'member', 'agent'],
  'tasks:write': ['owner', 'admin', 'member'],
  'tasks:work': ['owner', 'admin', 'member', 'agent'],
  'tasks:follow': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'messages:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'messages:write': ['owner', 'admin', 'member', 'agent'],
  'message-templates:write': ['owner', 'admin', 'member'],
  'documents:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'documents:write': ['owner', 'admin', 'member', 'agent'],
  'approvals:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'approvals:request': ['owner', 'admin', 'member', 'agent'],
  'approvals:decide': ['owner', 'admin', 'member', 'agent'],
  'schedules:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'schedules:write': ['owner', 'admin', 'member'],
  'escalation:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'escalation:write': ['owner', 'admin', 'member'],
  'standups:read': ['owner', 'admin', 'member', 'viewer'],
  'standups:send': ['owner', 'admin', 'member'],
  'dashboard:read': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'costs:read': ['owner', 'admin', 'member', 'viewer'],
  'events:read': ['owner', 'admin', 'member', 'viewer'],
  'audit:verify': ['owner', 'admin'],
  'webhooks:read': ['owner', 'admin'],
  'webhooks:write': ['owner', 'admin'],
  'channels:read': ['owner', 'admin', 'member', 'viewer'],
  'channels:write': ['owner', 'admin'],
  'notifications:read': ['owner', 'admin', 'member', 'viewer'],
  'inbox:use': ['owner', 'admin', 'member', 'agent', 'viewer'],
  'preferences:use': ['owner', 'admin', 'member', 'viewer'],
  'dead-letters:read': ['owner', 'admin', 'member', 'viewer'],
  'dead-letters:write': ['owner', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

export function mayDo(role: Role, permission: Permission): boolean {
  return (PERMISSIONS[permission] as readonly Role[]).includes(role);
}

/** Nobody hands out more than they have: an admin makes no owners. */
export function mayGrant(granter: Role, granted: Role): boolean {
  return granter === 'owner' || granted !== 'owner';
}
