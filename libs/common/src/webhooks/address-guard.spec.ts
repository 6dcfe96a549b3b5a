import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isAddressAllowed, isMetadataAddress } from './address-guard.js';

const CLOSED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const CLOSED_V6 = [
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001:db8::/32',
  '2001::/32',
  '2002::/16',
  '3fff::/20',
  '4000::/3',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];
const METADATA = ['169.254.169.254', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254'];
const EVERYTHING = ['0.0.0.0/0', '::/0'];

/** Any address inside one of the networks. */
function inside(cidrs: string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...cidrs).chain((cidr) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    const bytes = network.toByteArray();
    return fc.uint8Array({ minLength: bytes.length, maxLength: bytes.length }).map((noise) => {
      const mixed = bytes.map((byte, index) => {
        const fixedBits = Math.min(8, Math.max(0, bits - index * 8));
        const hostMask = 0xff >> fixedBits;
        return (byte & ~hostMask) | (noise[index]! & hostMask);
      });
      return ipaddr.fromByteArray(mixed).toString();
    });
  });
}

const octets = (ip: string) => ipaddr.IPv4.parse(ip).toByteArray();
const hex = (ip: string) =>
  octets(ip)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .replace(/^(.{4})/, '$1:');

/** Ways to write an IPv4 address as an IPv6 one. */
const DISGUISES: Record<string, (ip: string) => string> = {
  'IPv4-mapped, dotted': (ip) => `::ffff:${ip}`,
  'IPv4-mapped, hexadecimal': (ip) => `::ffff:${hex(ip)}`,
  'IPv4-compatible, dotted': (ip) => `::${ip}`,
  'IPv4-compatible, hexadecimal': (ip) => `::${hex(ip)}`,
  SIIT: (ip) => `::ffff:0:${hex(ip)}`,
  NAT64: (ip) => `64:ff9b::${hex(ip)}`,
  'local NAT64': (ip) => `64:ff9b:1::${hex(ip)}`,
  '6to4': (ip) => `2002:${hex(ip)}::1`,
};

describe('the address guard', () => {
  test('no address of a private or special IPv4 network is allowed', () => {
    fc.assert(
      fc.property(inside(CLOSED_V4), (ip) => !isAddressAllowed(ip, [])),
      { numRuns: 2000 },
    );
  });

  test('no address of a private or special IPv6 network is allowed', () => {
    fc.assert(
      fc.property(inside(CLOSED_V6), (ip) => !isAddressAllowed(ip, [])),
      { numRuns: 2000 },
    );
  });

  test.each(Object.entries(DISGUISES))(
    'a private IPv4 address is not allowed when written as %s',
    (_name, disguise) => {
      fc.assert(
        fc.property(inside(CLOSED_V4), (ip) => !isAddressAllowed(disguise(ip), [])),
        { numRuns: 500 },
      );
    },
  );

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
  ])('the public address %s is allowed', (ip) => expect(isAddressAllowed(ip, [])).toBe(true));

  test.each(METADATA)('the metadata address %s is never allowed, whatever the operator lists', (ip) => {
    expect(isAddressAllowed(ip, [])).toBe(false);
    expect(isAddressAllowed(ip, EVERYTHING)).toBe(false);
    expect(isMetadataAddress(ip)).toBe(true);
  });

  test.each(Object.entries(DISGUISES))('a metadata address is never allowed when written as %s', (_name, disguise) => {
    for (const ip of METADATA.filter((text) => !text.includes(':'))) {
      expect(isAddressAllowed(disguise(ip), EVERYTHING)).toBe(false);
      expect(isMetadataAddress(disguise(ip))).toBe(true);
    }
  });

  test('a listed network opens exactly its own addresses', () => {
    expect(isAddressAllowed('127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(isAddressAllowed('::ffff:127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(isAddressAllowed('::1', ['127.0.0.0/8'])).toBe(false);
    expect(isAddressAllowed('0.0.0.0', ['127.0.0.0/8'])).toBe(false);
    expect(isAddressAllowed('10.1.2.3', ['10.1.2.0/24'])).toBe(true);
    expect(isAddressAllowed('10.1.3.3', ['10.1.2.0/24'])).toBe(false);
    expect(isAddressAllowed('::1', ['::1/128'])).toBe(true);
  });

  test('everything but metadata is reachable when the operator lists everything', () => {
    const anything = inside([...CLOSED_V4, ...CLOSED_V6]).filter((ip) => !isMetadataAddress(ip));
    fc.assert(fc.property(anything, (ip) => isAddressAllowed(ip, EVERYTHING)));
  });

  test('listing a tunnel opens the public addresses behind it and no private ones', () => {
    expect(isAddressAllowed('64:ff9b::808:808', ['64:ff9b::/96'])).toBe(true);
    expect(isAddressAllowed('64:ff9b::a00:1', ['64:ff9b::/96'])).toBe(false);
    expect(isAddressAllowed('64:ff9b::a00:1', ['64:ff9b::/96', '10.0.0.0/8'])).toBe(true);
    expect(isAddressAllowed('64:ff9b::a00:1', ['10.0.0.0/8'])).toBe(false);
  });

  test('a zone does not hide a link-local address', () => {
    expect(isAddressAllowed('fe80::1%eth0', [])).toBe(false);
  });

  test.each(['', 'localhost', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '1.2.3.4.5', '[::1]'])(
    'what is not a plain address is refused: %j',
    (text) => expect(isAddressAllowed(text, EVERYTHING)).toBe(false),
  );

  test('a network that cannot be read is reported, not skipped', () => {
    expect(() => isAddressAllowed('10.0.0.1', ['10.0.0.0'])).toThrow();
  });
});
