import type { ChannelDelivered } from './channel-outcome.js';

/** The row is the message: it has arrived once it is marked so. */
export function putIntoInbox(): ChannelDelivered {
  return { kind: 'delivered', durationMs: 0 };
}
