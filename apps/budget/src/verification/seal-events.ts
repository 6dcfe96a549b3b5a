import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { Duty } from '@houston/common/duties/duty.js';
import { chainHash, FIRST_HASH, readSealable, SEAL_SIZE } from '@houston/common/events/event-chain.js';
import { LEDGER_START, STAY_ON_KEY, type EventCursor } from '@houston/common/events/event-reader.js';
import { forEachOrganization } from '../organizations.js';

/** Any number that no other advisory lock of two keys uses first. */
const SEALER_LOCK = 4_871_003;

interface ChainEnd {
  /** Of the last seal; 0 before the first. */
  number: bigint;
  end: EventCursor;
  hash: string;
}

/** Continues the hash chain of each organization over the events that have been settled since the last seal. */
@Injectable()
export class SealEvents extends Duty {
  readonly name = 'seal-events';
  readonly interval = { busyMs: 1_000, idleMs: 1_000 };
  override readonly batchSize = SEAL_SIZE;
  override readonly isFrequent = true;

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<{ sealed: number }> {
    let sealed = 0;
    await forEachOrganization(this.db, async (organizationId) => {
      sealed += await this.db.inOrganization(organizationId, sealNext);
    });
    return { sealed };
  }
}

/** Writes the next seal. @returns how many events it covers; 0 when there is none, or when another sealer is at it */
async function sealNext(tx: Tx): Promise<number> {
  const [lock] = await tx.query<{ taken: boolean }>(
    `select pg_try_advisory_xact_lock($1, hashtext($2)) as taken, ${STAY_ON_KEY}`,
    [SEALER_LOCK, tx.organizationId],
  );
  if (!lock?.taken) return 0;
  const { number, end, hash } = await chainEnd(tx);
  const events = await readSealable(tx, end, SEAL_SIZE);
  const last = events.at(-1);
  if (!last) return 0;
  let previous = hash;
  const hashes = events.map((event) => (previous = chainHash(previous, event)));
  await tx.query(
    'insert into event_seals (organization_id, number, last_position, seqs, hashes) values ($1, $2, $3, $4, $5)',
    [tx.organizationId, (number + 1n).toString(), last.position, events.map((event) => event.seq), hashes],
  );
  return events.length;
}

async function chainEnd(tx: Tx): Promise<ChainEnd> {
  const [seal] = await tx.query<{ number: string; position: string; seq: string; hash: string }>(
    `select number, last_position as position, seqs[cardinality(seqs)] as seq, hashes[cardinality(hashes)] as hash
       from event_seals where organization_id = $1 order by number desc limit 1`,
    [tx.organizationId],
  );
  if (!seal) return { number: 0n, end: LEDGER_START, hash: FIRST_HASH };
  return { number: BigInt(seal.number), end: seal, hash: seal.hash };
}
