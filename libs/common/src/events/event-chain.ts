import { createHash } from 'node:crypto';
import type { Tx } from '../db/database.js';
import { canonicalJson } from './canonical-json.js';
import type { EventCursor } from './event-reader.js';

/*
 * The hash chain of an organization's ledger.
 *
 *   hash(n) = sha256( hash(n-1) || canonical JSON (RFC 8785) of all columns of event n ),   hash(0) = sha256("")
 *
 * in hex, over events in the ledger's order (position, seq). Seals carry the hashes, up to 1,000 in a row of event_seals,
 * so that the first event that is not what it was can be named. What a seal covers is settled: no transaction can write
 * an event among its events any more, so an event found there and in no seal was inserted later by force.
 *
 * What the chain cannot show: that somebody with full power over the database rewrote all of it from some event on, or
 * cut off its end. Keep a copy of the last hash elsewhere to notice that as well.
 */

/** Events in one seal, at the most. */
export const SEAL_SIZE = 1_000;

export const FIRST_HASH = createHash('sha256').digest('hex');

/** All columns of an event as text, so that no digit and no microsecond is lost on the way. */
export interface SealableEvent extends EventCursor {
  readonly [column: string]: string | null;
}

const SEALABLE_COLUMNS = `
  organization_id::text, workspace_id::text, position::text, seq::text, id::text, type,
  to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, actor, subject, data::text,
  budget_ids::text, (select jsonb_agg(to_char(s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') order by n)
                       from unnest(window_starts) with ordinality as w(s, n))::text as window_starts,
  held_delta::text, spent_delta::text, overage_delta::text, unreserved_delta::text`;

/**
 * Events after `from` in the ledger's order, settled ones only.
 *
 * @param upTo the last place to read; without it as far as is settled
 */
export async function readSealable(
  tx: Tx,
  from: EventCursor,
  limit: number,
  upTo?: EventCursor,
): Promise<SealableEvent[]> {
  const parameters = [tx.organizationId, from.position, from.seq, limit];
  if (upTo) parameters.push(upTo.position, upTo.seq);
  return tx.query<SealableEvent>(
    `select ${SEALABLE_COLUMNS} from events
      where organization_id = $1 and (events.position, events.seq) > ($2, $3) and events.position < event_horizon()
        ${upTo ? 'and (events.position, events.seq) <= ($5, $6)' : ''}
      order by events.position, events.seq limit $4`,
    parameters,
  );
}

/** The next hash of the chain. */
export function chainHash(previous: string, event: SealableEvent): string {
  return createHash('sha256').update(previous).update(canonicalText(event)).digest('hex');
}

function canonicalText(event: SealableEvent): string {
  const text = canonicalJson({ ...event, data: exactJson(event['data'] ?? 'null') });
  if (text === undefined) throw new Error(`Event ${event.seq} has no canonical form`);
  return text;
}

/** As JSON; as Postgres wrote it where a number may have more digits than JavaScript keeps. */
function exactJson(text: string): unknown {
  return /\d{16}/.test(text) ? text : JSON.parse(text);
}
