/** Where a Houston listens, and who asks. */
export interface HubAddress {
  /** Origin, such as http://127.0.0.1:3000. */
  hub: string;
  key: string;
  /** Slug or id; null: the key's own. */
  workspace: string | null;
}

export interface HubAnswer {
  status: number;
  headers: Headers;
  /** Null when there is none, or it is no JSON object. */
  body: Record<string, unknown> | null;
}

export interface HubRequest {
  body?: unknown;
  /** Sent with what must not happen twice. */
  idempotencyKey?: string;
  /** Until the whole answer is there. Default: 15 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Nobody answered, or the answer was to come back later: the same request may be sent again. */
export class HubUnreachable extends Error {
  constructor(
    message: string,
    /** What the hub asked for, if anything. */
    readonly retryAfterMs: number | null,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const DEFAULT_TIMEOUT_MS = 15_000;
const STILL_RUNNING = 'idempotency_key_in_progress';

/** @throws HubUnreachable; whatever `signal` was aborted with */
export async function askHub(
  address: HubAddress,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  { body, idempotencyKey, timeoutMs = DEFAULT_TIMEOUT_MS, signal }: HubRequest = {},
): Promise<HubAnswer> {
  const answer = await send(address, method, path, {
    body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
    headers: {
      authorization: `Bearer ${address.key}`,
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...(address.workspace === null ? {} : { 'x-workspace': address.workspace }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new HubUnreachable(`${address.hub} does not answer: ${reasonOf(error)}`, null, error);
  });
  const later = answer.status === 429 || answer.status >= 500 || answer.body?.['code'] === STILL_RUNNING;
  if (later) throw new HubUnreachable(`${address.hub}: ${saying(answer)}`, retryAfterMs(answer.headers));
  return answer;
}

/** What an answer says, for people. */
export function saying({ status, body }: HubAnswer): string {
  const detail = body?.['detail'] ?? body?.['title'];
  return typeof detail === 'string' ? `${detail} (${status})` : `status ${status}`;
}

async function send({ hub }: HubAddress, method: string, path: string, init: RequestInit): Promise<HubAnswer> {
  const response = await fetch(`${hub}${path}`, { ...init, method, redirect: 'error' });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: objectIn(text) };
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function retryAfterMs(headers: Headers): number | null {
  const seconds = Number(headers.get('retry-after') ?? 'x');
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
}

/** fetch hides why behind `fetch failed`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const { code, message } = (cause ?? error) as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
