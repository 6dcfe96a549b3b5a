import { NOTIFICATION_CHANNELS, type NotificationChannel } from '../domain/notification-plan.js';

/** Whom an event asks to be told to: `data.recipients`, read leniently, as events outlive the code that wrote them. */
export interface AskedRecipients {
  memberIds: string[];
  agentIds: string[];
  roles: string[];
  /** Who caused the event: told nothing, also not as one of a role. */
  authorIds: string[];
  /** Null: the usual ones. */
  channels: NotificationChannel[] | null;
  isCritical: boolean;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ROLES = new Set(['owner', 'admin', 'member', 'viewer']);
/** Of these, too, somebody has to hear, though they come from the ledger and name nobody. */
const FOR_THOSE_IN_CHARGE: ReadonlySet<string> = new Set([
  'budget.threshold_crossed',
  'budget.exhausted',
  'budget.frozen',
  'agent.anomaly_found',
]);
const LADDER = ['member', 'admin', 'owner'];

/** Null: nobody is to be told. What names nobody and must be heard goes to owners and admins. */
export function recipientsOfEvent({
  type,
  data,
}: {
  type: string;
  data: Record<string, unknown>;
}): AskedRecipients | null {
  if ('recipients' in data || 'channels' in data) return askedRecipients(data);
  return FOR_THOSE_IN_CHARGE.has(type) ? { ...askedRecipients(data), roles: ['owner', 'admin'] } : null;
}

/** The roles that are told: in place of one that nobody here has, the next above that somebody has. */
export function rolesTold(asked: readonly string[], present: ReadonlySet<string>): Set<string> {
  return new Set(asked.map((role) => rolesFrom(role).find((one) => present.has(one)) ?? role));
}

/** The role itself, and those above that may answer for it. */
export function rolesFrom(role: string): readonly string[] {
  return LADDER.includes(role) ? LADDER.slice(LADDER.indexOf(role)) : [role];
}

function askedRecipients(data: Record<string, unknown>): AskedRecipients {
  const named = Array.isArray(data['recipients']) ? (data['recipients'] as unknown[]) : [];
  const all = (field: string) => named.flatMap((one) => textOf(one, field));
  return {
    memberIds: all('member').filter((id) => ID.test(id)),
    agentIds: [...new Set(all('agent').filter((id) => ID.test(id)))],
    roles: all('role').filter((role) => ROLES.has(role)),
    authorIds: [...textOf(data['author'], 'member'), ...textOf(data['author'], 'agent')],
    channels: channelsOf(data['channels']),
    isCritical: data['critical'] === true,
  };
}

function textOf(value: unknown, field: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const found = (value as Record<string, unknown>)[field];
  return typeof found === 'string' ? [found] : [];
}

function channelsOf(value: unknown): NotificationChannel[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  return NOTIFICATION_CHANNELS.filter((channel) => (value as unknown[]).includes(channel));
}
