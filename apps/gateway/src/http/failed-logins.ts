import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

const FAILURES = 20;
const WINDOW_MS = 60_000;
/** Addresses and prefixes; whoever fails from more than this at a time is not told apart. */
const REMEMBERED = 50_000;
const MS_PER_SECOND = 1_000;
/** Groups of an IPv6 address that name a network of 64 bits. */
const NETWORK_GROUPS = 4;

/**
 * Counts failed authentications by address and by key prefix. From the 21st within any 60 seconds on, each of them waits;
 * whoever presents a valid key is never asked. Each gateway counts for itself, and forgets when it ends.
 */
@Injectable()
export class FailedLogins {
  /** The moments of the last failures of each, ascending; never more than decide. */
  private readonly failures = new LRUCache<string, number[]>({ max: REMEMBERED, ttl: WINDOW_MS });

  /**
   * @param address of IPv6 its network of 64 bits counts
   * @param prefix null when nothing was presented that looks like a key
   * @param nowMs monotonic
   * @returns seconds to wait, or null while the failures are few
   */
  note(address: string, prefix: string | null, nowMs = performance.now()): number | null {
    const waitsMs = [this.count(`address ${networkOf(address)}`, nowMs)];
    if (prefix !== null) waitsMs.push(this.count(`prefix ${prefix}`, nowMs));
    const longestMs = Math.max(...waitsMs);
    return longestMs > 0 ? Math.ceil(longestMs / MS_PER_SECOND) : null;
  }

  /** @returns milliseconds until one more failure would be the 20th, 0 when this one is no more than that */
  private count(who: string, nowMs: number): number {
    const recent = (this.failures.get(who) ?? []).filter((at) => at > nowMs - WINDOW_MS);
    const before = recent.slice(-FAILURES);
    this.failures.set(who, [...before, nowMs].slice(-FAILURES));
    if (before.length < FAILURES) return 0;
    // The oldest of the last twenty, this one included, has to be forgotten.
    return before[1]! + WINDOW_MS - nowMs;
  }
}

/** Whoever has one IPv6 address has the 2^64 of its network, and could guess from a new one each time. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const ip = ipaddr.process(address);
  return ip instanceof ipaddr.IPv6 ? ip.parts.slice(0, NETWORK_GROUPS).join(':') : ip.toString();
}
