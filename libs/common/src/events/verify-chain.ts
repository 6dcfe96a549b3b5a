import type { Tx } from '../db/database.js';
import { chainHash, FIRST_HASH, readSealable, SEAL_SIZE, type SealableEvent } from './event-chain.js';
import { LEDGER_START, STAY_ON_KEY, type EventCursor } from './event-reader.js';

/**
 * What is wrong at an event. `seal`: a seal is missing, or is no seal of the chain.
 */
export type ChainFaultReason = 'changed' | 'removed' | 'inserted' | 'reordered' | 'seal';

export interface ChainVerdict {
  ok: boolean;
  /** Events compared with their seals, the faulty one included. */
  checked: number;
  /** Events after the last seal; they are sealed within seconds. */
  unsealed: number;
  /** The last hash of the chain: whoever keeps a copy can tell later that nothing before it was rewritten. */
  lastHash: string;
  firstFault?: { seq: string; reason: ChainFaultReason };
}

interface Seal {
  number: string;
  last_position: string;
  seqs: string[];
  hashes: string[];
}

interface Place {
  end: EventCursor;
  hash: string;
  checked: number;
}

/**
 * Compares an organization's ledger with its seals, from the first event on, and stops at the first that differs. Reads
 * one seal at a time, so that memory stays the same however long the ledger is.
 *
 * @param tx speaks for the whole organization
 */
export async function verifyChain(tx: Tx): Promise<ChainVerdict> {
  if (tx.workspaceId !== null) throw new Error('The chain is the whole organization’s: a workspace sees gaps in it');
  let place: Place = { end: LEDGER_START, hash: FIRST_HASH, checked: 0 };
  for (let number = 1n; ; number++) {
    const seal = await nextSeal(tx, number);
    if (!seal) break;
    const outcome = await compare(tx, seal, number, place);
    if ('firstFault' in outcome) {
      const { firstFault, checked } = outcome;
      return { ok: false, checked, unsealed: 0, lastHash: place.hash, firstFault };
    }
    place = outcome;
  }
  return { ok: true, checked: place.checked, unsealed: await countAfter(tx, place.end), lastHash: place.hash };
}

/** The seal of this number, or the next there is when it is missing. */
async function nextSeal(tx: Tx, number: bigint): Promise<Seal | undefined> {
  const [seal] = await tx.query<Seal>(
    `select number, last_position, seqs, hashes, ${STAY_ON_KEY} from event_seals
      where organization_id = $1 and number >= $2 order by number limit 1`,
    [tx.organizationId, number.toString()],
  );
  return seal;
}

type Outcome = Place | { checked: number; firstFault: { seq: string; reason: ChainFaultReason } };

async function compare(tx: Tx, seal: Seal, number: bigint, { end, hash, checked }: Place): Promise<Outcome> {
  const { seqs, hashes } = seal;
  const upTo = { position: seal.last_position, seq: seqs.at(-1) ?? '0' };
  const fault = (index: number, seq: string, reason: ChainFaultReason): Outcome => ({
    checked: checked + index + 1,
    firstFault: { seq, reason },
  });
  const isWhole = seqs.length > 0 && seqs.length <= SEAL_SIZE && seqs.length === hashes.length;
  if (BigInt(seal.number) !== number || !isWhole) return fault(-1, seqs[0] ?? end.seq, 'seal');
  // One more than fits: an inserted event must not go unread.
  const events = await readSealable(tx, end, SEAL_SIZE + 1, upTo);
  for (const [index, event] of events.entries()) {
    if (event.seq !== seqs[index]) {
      const reason = strangeness(seqs, events, index);
      return fault(index, reason === 'inserted' ? event.seq : (seqs[index] ?? event.seq), reason);
    }
    hash = chainHash(hash, event);
    if (hash !== hashes[index]) return fault(index, event.seq, 'changed');
  }
  if (events.length < seqs.length) return fault(events.length, seqs[events.length] ?? end.seq, 'removed');
  return { end: upTo, hash, checked: checked + events.length };
}

/** Why another event stands where the seal has `seqs[index]`. */
function strangeness(seqs: readonly string[], events: readonly SealableEvent[], index: number): ChainFaultReason {
  const found = events[index]?.seq ?? '';
  if (!seqs.includes(found)) return 'inserted';
  return events.some((event) => event.seq === seqs[index]) ? 'reordered' : 'removed';
}

async function countAfter(tx: Tx, { position, seq }: EventCursor): Promise<number> {
  const [row] = await tx.query<{ count: string }>(
    'select count(*) as count from events where organization_id = $1 and (position, seq) > ($2, $3)',
    [tx.organizationId, position, seq],
  );
  return Number(row?.count ?? 0);
}
