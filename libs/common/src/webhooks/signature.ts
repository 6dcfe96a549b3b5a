import { createHmac, randomBytes } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
const NEW_SECRET_BYTES = 32;
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

export interface SignedMessage {
  /** Stable over all attempts of one delivery; the `webhook-id` header. Contains no full stop. */
  id: string;
  /** Time of this attempt in whole seconds since 1970; the `webhook-timestamp` header. */
  timestampSeconds: number;
  /** The exact bytes that are sent; a string stands for its UTF-8 bytes. */
  body: string | Buffer;
  /** Secrets of the endpoint, newest first; two during a rotation, so that the receiver may switch at leisure. */
  secrets: readonly string[];
}

/** A fresh endpoint secret as in Standard Webhooks 1.0: `whsec_` and the base64 of 32 random bytes. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(NEW_SECRET_BYTES).toString('base64');
}

/**
 * The value of the `webhook-signature` header: one `v1,<base64 HMAC-SHA256>` per secret, separated by spaces.
 * @throws when there is no secret, a secret is malformed, or the id or timestamp would make the signed text ambiguous
 */
export function sign({ id, timestampSeconds, body, secrets }: SignedMessage): string {
  if (!/^[\x21-\x2d\x2f-\x7e]+$/.test(id))
    throw new Error('A webhook id is printable ASCII without blanks and full stops');
  if (!Number.isSafeInteger(timestampSeconds) || timestampSeconds < 0) {
    throw new Error('A webhook timestamp is a whole number of seconds');
  }
  if (secrets.length === 0) throw new Error('A webhook needs at least one secret to be signed');
  return secrets.map((secret) => `v1,${hmac(secret, `${id}.${timestampSeconds}.`, body)}`).join(' ');
}

function hmac(secret: string, preamble: string, body: string | Buffer): string {
  return createHmac('sha256', secretKey(secret)).update(preamble).update(body).digest('base64');
}

function secretKey(secret: string): Buffer {
  const encoded = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Node skips what is not base64; a damaged secret would sign with another key and nobody would know why.
  const isIntact = key.toString('base64') === encoded;
  if (!isIntact || key.length < MIN_SECRET_BYTES || key.length > MAX_SECRET_BYTES) {
    throw new Error('A webhook secret is whsec_ followed by the base64 of 24 to 64 bytes');
  }
  return key;
}
