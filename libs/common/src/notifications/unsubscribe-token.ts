import { createHmac, timingSafeEqual } from 'node:crypto';

/** Which mails are to stop: those of one type of event to one member, or all to one channel. */
export interface Unsubscription {
  organizationId: string;
  workspaceId: string;
  kind: 'member' | 'channel';
  id: string;
  eventType: string;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TYPE = /^[a-z0-9_.-]{1,100}$/;

/** A token for a link in a mail. It can do nothing but stop those mails, and does not expire. */
export function unsubscribeToken(what: Unsubscription, secret: string): string {
  const { organizationId, workspaceId, kind, id, eventType } = what;
  const text = Buffer.from([organizationId, workspaceId, kind, id, eventType].join(' ')).toString('base64url');
  return `${text}.${signature(text, secret).toString('base64url')}`;
}

/** What a token asks for, before it is known whether it is genuine; null when it is none at all. */
export function readUnsubscribeToken(token: string): Unsubscription | null {
  const parts = Buffer.from(token.split('.')[0] ?? '', 'base64url')
    .toString('utf8')
    .split(' ');
  const [organizationId = '', workspaceId = '', kind, id = '', eventType = ''] = parts;
  const isWhole = parts.length === 5 && [organizationId, workspaceId, id].every((one) => ID.test(one));
  if (!isWhole || !TYPE.test(eventType) || (kind !== 'member' && kind !== 'channel')) return null;
  return { organizationId, workspaceId, kind, id, eventType };
}

export function isGenuine(token: string, secret: string): boolean {
  const [text = '', given = ''] = token.split('.');
  const [expected, presented] = [signature(text, secret), Buffer.from(given, 'base64url')];
  return presented.length === expected.length && timingSafeEqual(presented, expected);
}

function signature(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`houston unsubscribe ${text}`).digest();
}
