import type { Tx } from '../db/database.js';
import type { Wakeup } from '../queues/queues.js';
import type { LedgerEvent } from './event-reader.js';

/**
 * What follows from events: the rows that are due because of them. A route writes them in the relay's transaction, so
 * each event has its consequences exactly once; the wake-ups it returns are sent after the commit, and may be lost.
 */
export abstract class EventRoute {
  /** A short name, for logs. */
  abstract readonly name: string;

  /**
   * @param tx speaks for the whole organization of the events
   * @param events in the ledger's order
   */
  abstract follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]>;
}
