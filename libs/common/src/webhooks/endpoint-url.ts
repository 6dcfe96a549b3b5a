import { isIP } from 'node:net';
import { isAddressAllowed, isMetadataAddress } from './address-guard.js';

const URL_LENGTH_LIMIT = 2048;

/** Ports whose servers would read an HTTP request as commands of their own: mail, shells, file shares, and the like. */
const FOREIGN_PORTS = new Set([
  0, 7, 9, 13, 19, 20, 21, 22, 23, 25, 53, 69, 110, 111, 123, 135, 137, 139, 143, 161, 389, 445, 465, 514, 515, 587,
  636, 993, 995, 2049, 6000, 6667,
]);

export type EndpointUrlFault =
  'malformed' | 'too_long' | 'scheme' | 'userinfo' | 'fragment' | 'port' | 'private_address' | 'metadata_address';

/** `url` is the normalised spelling, the one to store; `hint` is a sentence for the person who typed the address. */
export type EndpointUrlVerdict = { ok: true; url: string } | { ok: false; reason: EndpointUrlFault; hint: string };

/**
 * Judges the address of a webhook endpoint when it is saved. Only what the text itself shows is judged: the addresses
 * behind a host name are checked at every connect, since they may change.
 * @param allowCidrs networks the operator opened although they are not public
 */
export function judgeEndpointUrl(text: string, allowCidrs: readonly string[]): EndpointUrlVerdict {
  if (text.length > URL_LENGTH_LIMIT) return tooLong();
  // The URL parser silently drops or rewrites these; two readers could then see two hosts.
  if (hasControlOrBlank(text) || text.includes('\\')) return malformed();
  if (!URL.canParse(text)) return malformed();
  const url = new URL(text);
  return shapeFault(text, url) ?? hostFault(url.hostname, allowCidrs) ?? { ok: true, url: url.href };
}

function shapeFault(text: string, url: URL): EndpointUrlVerdict | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refuse('scheme', 'Use an http:// or https:// address.');
  }
  if (!/^https?:\/\//i.test(text)) return malformed();
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) {
    return refuse('userinfo', 'Remove the user name and password; check the webhook-signature header instead.');
  }
  if (text.includes('#')) return refuse('fragment', 'Remove the part after "#"; it is never sent to a server.');
  if (url.href.length > URL_LENGTH_LIMIT) return tooLong();
  if (url.port !== '' && FOREIGN_PORTS.has(Number(url.port))) {
    return refuse('port', `Port ${url.port} belongs to another protocol than HTTP; choose another one.`);
  }
  return null;
}

function hostFault(hostname: string, allowCidrs: readonly string[]): EndpointUrlVerdict | null {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host === '') return malformed();
  if (isMetadataAddress(host) || host === 'metadata.google.internal') {
    return refuse('metadata_address', 'This is a cloud metadata service; it can never be a webhook endpoint.');
  }
  if (isLoopbackName(host)) {
    const opened = ['127.0.0.1', '::1'].some((ip) => isAddressAllowed(ip, allowCidrs));
    return opened ? null : privateAddress(host);
  }
  return isIP(host) === 0 || isAddressAllowed(host, allowCidrs) ? null : privateAddress(host);
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

function authorityOf(text: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
}

function hasControlOrBlank(text: string): boolean {
  return [...text].some((char) => char <= ' ' || char === '\u007f');
}

function privateAddress(host: string): EndpointUrlVerdict {
  return refuse(
    'private_address',
    `${host} is not a public address; an operator can open it with WEBHOOK_ALLOW_CIDRS.`,
  );
}

function malformed(): EndpointUrlVerdict {
  return refuse('malformed', 'Give a complete address such as https://example.com/hooks.');
}

function tooLong(): EndpointUrlVerdict {
  return refuse('too_long', `An address may have at most ${URL_LENGTH_LIMIT} characters.`);
}

function refuse(reason: EndpointUrlFault, hint: string): EndpointUrlVerdict {
  return { ok: false, reason, hint };
}
