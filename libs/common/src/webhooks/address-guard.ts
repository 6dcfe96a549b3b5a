import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Instance metadata and platform services: they hand out credentials, so no allow list may open them. */
const METADATA_ADDRESSES = [
  '169.254.169.254', // AWS, GCP, Azure, DigitalOcean, OpenStack
  '169.254.170.2', // AWS container credentials
  '169.254.170.23', // AWS pod identity
  '168.63.129.16', // Azure host services; looks public
  '100.100.100.200', // Alibaba Cloud
  '192.0.0.192', // Oracle Cloud
  'fd00:ec2::254', // AWS
  'fd00:ec2::23', // AWS pod identity
  'fd20:ce::254', // GCP
].map((text) => ipaddr.parse(text).toString());

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether Houston may open a connection to `ip` on behalf of a user. Public unicast addresses may be reached; all
 * others only inside a network of `allowCidrs`; metadata addresses never. An IPv4-mapped address is judged as the IPv4
 * address it reaches. A tunnelled one (NAT64, 6to4) needs its outer form listed and its inner address allowed.
 * Text that is no IP address is refused.
 * @throws when an entry of `allowCidrs` is not in CIDR notation
 */
export function isAddressAllowed(ip: string, allowCidrs: readonly string[]): boolean {
  const address = parseAddress(ip);
  return address !== null && !isMetadata(address) && isReachable(address, allowCidrs);
}

/** Whether `ip` is, or tunnels to, a metadata or platform service address. Text that is no IP address is not. */
export function isMetadataAddress(ip: string): boolean {
  const address = parseAddress(ip);
  return address !== null && isMetadata(address);
}

function parseAddress(ip: string): Address | null {
  const family = isIP(ip);
  if (family === 0) return null;
  if (family === 4) return ipaddr.IPv4.parse(ip);
  // ipaddr.js takes "::127.0.0.1" for "::ffff:127.0.0.1"; the URL parser's spelling has no dotted part to mistake.
  const canonical = new URL(`http://[${ip.replace(/%.*$/, '')}]/`).hostname.slice(1, -1);
  const address = ipaddr.IPv6.parse(canonical);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function isReachable(address: Address, allowCidrs: readonly string[]): boolean {
  const inner = tunnelledAddress(address);
  if (inner !== null) return isListed(address, allowCidrs) && isReachable(inner, allowCidrs);
  return isPublic(address) || isListed(address, allowCidrs);
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST);
}

function isListed(address: Address, allowCidrs: readonly string[]): boolean {
  return allowCidrs.some((cidr) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    return network.kind() === address.kind() && address.match(network, bits);
  });
}

function isMetadata(address: Address): boolean {
  const inner = tunnelledAddress(address);
  return METADATA_ADDRESSES.includes(address.toString()) || (inner !== null && isMetadata(inner));
}

/** The IPv4 address behind a NAT64, SIIT, 6to4 or IPv4-compatible IPv6 address; null for any other. */
function tunnelledAddress(address: Address): ipaddr.IPv4 | null {
  if (address.kind() === 'ipv4') return null;
  const bytes = address.toByteArray();
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 15).some((byte) => byte !== 0);
  const range = address.range();
  if (range === 'rfc6052' || range === 'rfc6145' || isCompatible) return new ipaddr.IPv4(bytes.slice(12, 16));
  return range === '6to4' ? new ipaddr.IPv4(bytes.slice(2, 6)) : null;
}
