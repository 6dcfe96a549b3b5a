import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 24;
const ID_BYTES = 16;
const TOKEN = /^hin_([A-Za-z0-9_-]{64})_[A-Za-z0-9_-]{32}$/;

/** Whom an invitation is for. */
export interface InvitationAddress {
  organizationId: string;
  workspaceId: string;
  memberId: string;
}

/** What an invited person presents: where it belongs, so that it can be looked up behind the walls, and a secret. */
export function newInvitationToken({ organizationId, workspaceId, memberId }: InvitationAddress): string {
  const ids = Buffer.from([organizationId, workspaceId, memberId].join('').replaceAll('-', ''), 'hex');
  return `hin_${ids.toString('base64url')}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** Null for what is no invitation. Whether it is one that holds, only its hash decides. */
export function readInvitationToken(token: string): InvitationAddress | null {
  const [, ids] = TOKEN.exec(token) ?? [];
  if (ids === undefined) return null;
  const bytes = Buffer.from(ids, 'base64url');
  const [organizationId, workspaceId, memberId] = [0, 1, 2].map((n) => uuidAt(bytes, n * ID_BYTES));
  return { organizationId: organizationId!, workspaceId: workspaceId!, memberId: memberId! };
}

/** SHA-256, hex: the secret is long and random, there is nothing to guess. */
export function hashInvitationToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function uuidAt(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + ID_BYTES);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
