import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 32;
const CHECK_LENGTH = 6;

/** The shape of every key, also of one fixed by HOUSTON_OWNER_KEY. */
const KEY = /^hou_[\x21-\x7e]{28,508}$/;

export interface NewApiKey {
  /** The whole key, `hou_<id>_<secret><crc>`; shown once. */
  key: string;
  /** Its visible start. */
  prefix: string;
  /** SHA-256 of the whole key, hex. */
  hash: string;
}

/** A new random key: 190 bits of secret, and a checksum by which secret scanners recognise it. */
export function newApiKey(): NewApiKey {
  const id = randomText(ID_LENGTH);
  const secret = randomText(SECRET_LENGTH);
  const check = base62(crc32(`${id}_${secret}`)).padStart(CHECK_LENGTH, '0');
  return describeApiKey(`hou_${id}_${secret}${check}`);
}

/** Prefix and hash of an existing key. */
export function describeApiKey(key: string): NewApiKey {
  return { key, prefix: key.slice(0, 4 + ID_LENGTH), hash: hashApiKey(key) };
}

/** A fast hash is enough: keys are long and random, there is nothing to guess. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

export function looksLikeApiKey(key: string): boolean {
  return KEY.test(key);
}

function randomText(length: number): string {
  // 248 is the largest multiple of 62 in a byte: rejecting the rest keeps every letter equally likely.
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

function base62(value: number): string {
  let text = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = ALPHABET[rest % 62] + text;
  return text;
}
