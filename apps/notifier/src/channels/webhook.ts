import type { Socket } from 'node:net';
import { judgeEndpointUrl } from '@houston/common/webhooks/endpoint-url.js';
import { Client, type Dispatcher } from 'undici';
import { DeliveryFault, toDeliveryFault, type WebhookErrorClass } from './delivery-fault.js';
import { openGuardedSocket } from './guarded-socket.js';
import { parseRetryAfterMs } from './retry-after.js';
import { readResponse, type WebhookResponse } from './webhook-response.js';

const DEFAULT_DEADLINE_MS = 15_000;
/** Once the status is known, the answer's text gets this long to arrive; a dripping answer holds nobody up for more. */
const RESPONSE_GRACE_MS = 2_000;
const HEADER_NAME = /^[a-z][a-z0-9-]*$/;
const HEADER_VALUE = /^[\x20-\x7e]*$/;
/** What frames or addresses the request is ours to say. */
const OWN_HEADERS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'te']);

export interface WebhookAttempt {
  url: string;
  /** The bytes that were signed; a string is sent as UTF-8. */
  body: string | Buffer;
  /** Signature headers and the like: lower-case names, printable ASCII values. */
  headers: Record<string, string>;
  /** Networks that may be reached although they are not public. */
  allowCidrs: readonly string[];
  /** Time for everything together: name lookup, connection, TLS, request and answer. Milliseconds, default 15,000. */
  deadlineMs?: number;
  /** PEM certificates trusted instead of the system's. */
  ca?: string;
}

export type WebhookDelivered = { kind: 'delivered'; status: number; durationMs: number; response: WebhookResponse };
/** The endpoint says that it is gone for good. */
export type WebhookGone = { kind: 'gone'; status: 410; durationMs: number; response: WebhookResponse };
export type WebhookFailed = {
  kind: 'failed';
  errorClass: WebhookErrorClass;
  /** Set when the endpoint answered. */
  status?: number;
  /** What a 429 or 503 asked for. */
  retryAfterMs?: number;
  durationMs: number;
  response: WebhookResponse | null;
};
export type WebhookOutcome = WebhookDelivered | WebhookGone | WebhookFailed;

/**
 * Makes one attempt over a connection of its own, which is closed when this returns. Success is a 2xx status; once
 * that has arrived, a body that is long, slow or broken off changes nothing. Redirects are not followed.
 * @throws when a header is malformed or the fault is this machine's; never for what the endpoint does
 */
export async function sendWebhook(attempt: WebhookAttempt): Promise<WebhookOutcome> {
  const headers = requestHeaders(attempt.headers);
  const deadlineMs = attempt.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const startedAtMs = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAtMs);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DeliveryFault('timeout')), deadlineMs);
  try {
    const url = checkedUrl(attempt);
    const answer = await post(attempt, url, headers, deadline.signal, () => deadlineMs - elapsedMs());
    return { ...verdictOf(answer), durationMs: elapsedMs(), response: answer.response };
  } catch (error) {
    const { errorClass } = toDeliveryFault(error);
    return { kind: 'failed', errorClass, durationMs: elapsedMs(), response: null };
  } finally {
    clearTimeout(timer);
  }
}

function requestHeaders(extra: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(extra)) {
    if (!HEADER_NAME.test(name) || OWN_HEADERS.has(name))
      throw new Error(`Not a header a webhook may set: ${JSON.stringify(name)}`);
    if (!HEADER_VALUE.test(value)) throw new Error(`The value of webhook header ${name} is not printable ASCII`);
  }
  return {
    ...extra,
    'content-type': 'application/json',
    'user-agent': 'Houston-Webhooks/1.0',
    'accept-encoding': 'identity',
  };
}

/** The address was judged when it was saved; the operator's networks or the rules may have changed since. */
function checkedUrl({ url, allowCidrs }: WebhookAttempt): URL {
  const verdict = judgeEndpointUrl(url, allowCidrs);
  if (verdict.ok) return new URL(verdict.url);
  const isAddress = verdict.reason === 'private_address' || verdict.reason === 'metadata_address';
  throw new DeliveryFault(isAddress ? 'blocked_address' : 'invalid_url');
}

interface Answer {
  status: number;
  retryAfterMs: number | undefined;
  response: WebhookResponse;
}

async function post(
  attempt: WebhookAttempt,
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  remainingMs: () => number,
): Promise<Answer> {
  const socket = await openGuardedSocket({ url, allowCidrs: attempt.allowCidrs, signal, ca: attempt.ca });
  const client = new Client(url.origin, { connect: once(socket), headersTimeout: 0, bodyTimeout: 0, pipelining: 1 });
  try {
    const answer: Dispatcher.ResponseData = await client.request({
      method: 'POST',
      path: url.pathname + url.search,
      headers,
      body: attempt.body,
      signal,
      reset: true,
    });
    const retryAfterMs = parseRetryAfterMs(answer.headers['retry-after'], new Date());
    const graceMs = Math.max(0, Math.min(RESPONSE_GRACE_MS, remainingMs()));
    return { status: answer.statusCode, retryAfterMs, response: await readResponse(answer.body, graceMs) };
  } finally {
    await client.destroy();
    socket.destroy();
  }
}

/** Hands out the checked socket once; a client that would connect again, unchecked, is told that the first one broke. */
function once(socket: Socket): NonNullable<Client.Options['connect']> {
  let isTaken = false;
  return (_options, callback) => {
    const isAgain = isTaken;
    isTaken = true;
    // undici forgets the request when it is called back before this returns.
    queueMicrotask(() => (isAgain ? callback(new DeliveryFault('connection_reset'), null) : callback(null, socket)));
  };
}

function verdictOf({
  status,
  retryAfterMs,
}: Answer):
  | { kind: 'delivered'; status: number }
  | { kind: 'gone'; status: 410 }
  | { kind: 'failed'; errorClass: WebhookErrorClass; status: number; retryAfterMs?: number } {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  if (status === 410) return { kind: 'gone', status };
  if (status >= 300 && status < 400) return { kind: 'failed', errorClass: 'redirect', status };
  const isAsking = status === 429 || status === 503;
  return { kind: 'failed', errorClass: 'http_error', status, ...(isAsking && { retryAfterMs }) };
}
