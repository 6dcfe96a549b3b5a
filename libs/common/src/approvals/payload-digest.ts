import { createHash } from 'node:crypto';
import { canonicalJson } from '../events/canonical-json.js';

/** What is approved is these bytes: `sha256:` and hex over the payload as RFC 8785 JSON. No payload counts as null. */
export function payloadDigest(payload: unknown): string {
  const text = canonicalJson(payload ?? null) ?? 'null';
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
