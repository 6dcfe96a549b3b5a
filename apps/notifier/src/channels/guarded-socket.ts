import { lookup, type LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { isAddressAllowed } from '@houston/common/webhooks/address-guard.js';
import { DeliveryFault, toDeliveryFault } from './delivery-fault.js';

/** A name with very many addresses must not keep us trying them all. */
const ADDRESS_LIMIT = 8;
/** Time given to one address before the next is tried; the last one has until the deadline. */
const ADDRESS_ATTEMPT_MS = 1_000;

export interface GuardedSocketRequest {
  /** An http: or https: address. */
  url: URL;
  /** Networks that may be reached although they are not public. */
  allowCidrs: readonly string[];
  /** Ends the lookup, the connection attempt, and later the socket itself. */
  signal: AbortSignal;
  /** PEM certificates trusted instead of the system's. */
  ca?: string;
  /** How names become addresses; the system's resolver by default. */
  resolve?: (hostname: string) => Promise<LookupAddress[]>;
}

/**
 * Opens one connection (TLS for https:) to an address that was checked after the name was resolved. The socket is
 * pinned to the checked addresses, so that a name which changes its answer between check and connect gains nothing.
 * @throws DeliveryFault, or the reason of `signal`
 */
export async function openGuardedSocket(request: GuardedSocketRequest): Promise<Socket> {
  const { url, allowCidrs, signal, resolve = systemResolve } = request;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await untilAborted(addressesOf(hostname, resolve), signal);
  const allowed = addresses.filter(({ address }) => isAddressAllowed(address, allowCidrs));
  if (allowed.length === 0) throw new DeliveryFault('blocked_address');
  return connect(request, hostname, allowed.slice(0, ADDRESS_LIMIT));
}

async function addressesOf(
  hostname: string,
  resolve: (hostname: string) => Promise<LookupAddress[]>,
): Promise<LookupAddress[]> {
  const family = isIP(hostname);
  if (family !== 0) return [{ address: hostname, family }];
  try {
    return await resolve(hostname);
  } catch (error) {
    throw new DeliveryFault('dns_error', { cause: error });
  }
}

function systemResolve(hostname: string): Promise<LookupAddress[]> {
  return promisify(lookup)(hostname, { all: true });
}

function connect(request: GuardedSocketRequest, hostname: string, addresses: LookupAddress[]): Promise<Socket> {
  const { url, signal, ca } = request;
  const isTls = url.protocol === 'https:';
  const target: TcpNetConnectOpts = {
    host: hostname,
    port: Number(url.port) || (isTls ? 443 : 80),
    lookup: pinnedTo(addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
    noDelay: true,
  };
  // Node checks the certificate against `servername`, or against `host` where that is an address and SNI has no place.
  const servername = isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : '';
  const socket = isTls
    ? connectTls({ ...target, servername, ca, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] })
    : connectTcp(target);
  return untilConnected(socket, isTls, signal);
}

/** Answers every lookup with the checked addresses; for a literal Node asks no lookup and `host` is what was checked. */
function pinnedTo(addresses: LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const first = addresses[0];
    if (options.all) callback(null, addresses);
    else if (first) callback(null, first.address, first.family);
  };
}

function untilConnected(socket: Socket, isTls: boolean, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isTcpOpen = false;
    const abort = () => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('connect', () => (isTcpOpen = true));
    socket.once(isTls ? 'secureConnect' : 'connect', () => resolve(socket));
    // Stays for the socket's life: an error between this connect and the first request has no other listener.
    socket.on('error', (error) => {
      if (isTls && isTcpOpen) return reject(new DeliveryFault('tls_error', { cause: error }));
      try {
        reject(toDeliveryFault(error));
      } catch (unnamed) {
        reject(unnamed as Error);
      }
    });
  });
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
