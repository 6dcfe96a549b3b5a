/**
 * Every error a caller can meet, by its stable code. The filter turns a Problem into RFC 9457 `application/problem+json`.
 */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  budget_exceeded: { status: 402, title: 'A budget has no room for this' },
  forbidden: { status: 403, title: 'This key may not do that' },
  own_request: { status: 403, title: 'Nobody decides their own request' },
  not_found: { status: 404, title: 'There is no such thing here' },
  workspace_not_found: { status: 404, title: 'There is no such workspace here' },
  method_not_allowed: { status: 405, title: 'This method is not offered here' },
  conflict: { status: 409, title: 'The present state does not allow this' },
  already_exists: { status: 409, title: 'This name is taken' },
  completion_conflict: { status: 409, title: 'The execution has another outcome already' },
  execution_not_running: { status: 409, title: 'The execution is not running' },
  execution_not_denied: { status: 409, title: 'The execution was not refused for want of budget' },
  already_decided: { status: 409, title: 'It is decided already' },
  approval_pending: { status: 409, title: 'An approval about the same is pending' },
  lease_lost: { status: 409, title: 'This lease is not the present one' },
  illegal_transition: { status: 409, title: 'A task cannot move this way' },
  dependency_cycle: { status: 409, title: 'The task would wait for itself' },
  idempotency_key_in_progress: { status: 409, title: 'The first request with this Idempotency-Key is still running' },
  default_workspace: { status: 409, title: 'The default workspace cannot be deleted' },
  last_owner: { status: 409, title: 'The last owner cannot go' },
  precondition_failed: { status: 412, title: 'Somebody else has changed this meanwhile' },
  payload_too_large: { status: 413, title: 'The request body is too large' },
  unsupported_media_type: { status: 415, title: 'The request body must be JSON' },
  invalid_values: { status: 422, title: 'Some values are not valid' },
  unknown_agent: { status: 422, title: 'There is no agent of this name' },
  unknown_price: { status: 422, title: 'The price of this model is not known' },
  usage_required: { status: 422, title: 'A successful execution needs its usage or cost' },
  blocker_reason_required: { status: 422, title: 'A blocked task needs a reason' },
  evidence_required: { status: 422, title: 'The task has nothing to show for itself' },
  output_schema_mismatch: { status: 422, title: 'The result does not have the shape that was asked for' },
  invalid_condition: { status: 422, title: 'The condition cannot be used' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used with another body' },
  budget_frozen: { status: 423, title: 'A budget is frozen' },
  upgrade_required: { status: 426, title: 'This address speaks WebSocket' },
  rate_limited: { status: 429, title: 'This agent sends too many messages' },
  too_many_failures: { status: 429, title: 'Too many failed authentications' },
  internal: { status: 500, title: 'Houston has made a mistake' },
  overloaded: { status: 503, title: 'Too many requests are waiting' },
  unavailable: { status: 503, title: 'Houston cannot decide this right now' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The `type` of a problem: a name, because self-hosted installations have no common address to point at. */
export function problemType(code: ProblemCode): string {
  return `urn:houston:problem:${code}`;
}

/** One fault in the request: where it is, and how to mend it. */
export interface Fault {
  /** Dotted path in the body, or the name of the parameter. */
  path: string;
  message: string;
}

export interface ProblemOptions {
  detail?: string;
  errors?: Fault[];
  /** Members of the answer beside the standard ones. */
  extensions?: Record<string, unknown>;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An error meant for the caller. */
export class Problem extends Error {
  readonly detail?: string;
  readonly errors?: Fault[];
  readonly extensions: Record<string, unknown>;
  readonly retryAfterSeconds?: number;

  constructor(
    readonly code: ProblemCode,
    options: ProblemOptions = {},
  ) {
    super(options.detail ?? PROBLEMS[code].title, { cause: options.cause });
    this.detail = options.detail;
    this.errors = options.errors;
    this.extensions = options.extensions ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The same bytes whether the id never existed or belongs to another workspace. */
export function notFound(): Problem {
  return new Problem('not_found', { detail: 'Nothing with this id exists in this workspace.' });
}

/** One invalid value, named. */
export function invalid(path: string, message: string): Problem {
  return new Problem('invalid_values', { detail: `${path}: ${message}`, errors: [{ path, message }] });
}
