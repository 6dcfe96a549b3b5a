import ipaddr from 'ipaddr.js';
import type { Parsed } from './setting.js';

/** Reads an address block such as `10.0.0.0/8` or `fd00::/8`. */
export function cidr(text: string): Parsed<string> {
  const mend = 'write address blocks such as 10.0.0.0/8, 192.168.1.5/32 or fd00::/8';
  return ipaddr.isValidCIDR(text)
    ? { ok: true, value: text }
    : { ok: false, wrong: 'is not an address block (CIDR)', mend };
}

/** As `cidr`; an address by itself is a block of one. */
export function cidrOrAddress(text: string): Parsed<string> {
  if (!ipaddr.isValid(text)) return cidr(text);
  return { ok: true, value: `${text}/${ipaddr.parse(text).kind() === 'ipv4' ? 32 : 128}` };
}
