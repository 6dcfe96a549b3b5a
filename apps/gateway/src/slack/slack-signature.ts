import { createHmac, timingSafeEqual } from 'node:crypto';

/** How old, or how far ahead, a signed request may be. */
const WINDOW_MS = 5 * 60_000;

export interface SignedRequest {
  /** `X-Slack-Signature` */
  signature: string | undefined;
  /** `X-Slack-Request-Timestamp`: seconds since 1970 */
  timestamp: string | undefined;
  /** The body exactly as it came. */
  body: string;
}

/** Whether Slack signed this, within five minutes of now. */
export function isSignedBySlack({ signature, timestamp, body }: SignedRequest, secret: string, now: Date): boolean {
  if (signature === undefined || timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() - Number(timestamp) * 1_000) > WINDOW_MS) return false;
  const expected = Buffer.from(`v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`);
  const presented = Buffer.from(signature);
  return presented.length === expected.length && timingSafeEqual(presented, expected);
}
