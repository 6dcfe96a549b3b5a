import { errors } from 'undici';

/** Why an attempt failed, as shown in the delivery log. `redirect` and `http_error` come with a status. */
export type WebhookErrorClass =
  | 'invalid_url'
  | 'blocked_address'
  | 'dns_error'
  | 'connection_refused'
  | 'connection_reset'
  | 'unreachable'
  | 'tls_error'
  | 'timeout'
  | 'protocol_error'
  | 'redirect'
  | 'http_error';

/** A failure that is the endpoint's or the network's, not ours. */
export class DeliveryFault extends Error {
  constructor(
    readonly errorClass: WebhookErrorClass,
    options?: ErrorOptions,
  ) {
    super(`Webhook attempt failed: ${errorClass}`, options);
  }
}

const CLASS_BY_CODE = new Map<string, WebhookErrorClass>([
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['ECONNABORTED', 'connection_reset'],
  ['EPIPE', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['EACCES', 'unreachable'],
  ['EPERM', 'unreachable'],
  ['EINVAL', 'unreachable'],
  ['UND_ERR_HEADERS_OVERFLOW', 'protocol_error'],
]);

/**
 * Names what a socket or the HTTP parser reported.
 * @throws the error itself when it has no name here: it is then our own fault (a full file table, a bad header), and
 * the endpoint must not be blamed for it
 */
export function toDeliveryFault(error: unknown): DeliveryFault {
  if (error instanceof DeliveryFault) return error;
  const code = codeOf(error);
  // The parser's errors carry no code in undici 7.
  const errorClass = error instanceof errors.HTTPParserError ? 'protocol_error' : CLASS_BY_CODE.get(code);
  if (errorClass === undefined) throw error;
  return new DeliveryFault(errorClass, { cause: error });
}

function codeOf(error: unknown): string {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : '';
}
