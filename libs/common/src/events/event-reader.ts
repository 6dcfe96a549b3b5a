import type { Tx } from '../db/database.js';

/**
 * A place in the ledger. Events are ordered by their writing transaction (`position`), then by `seq`; both are bigints in
 * decimal digits. A reader that follows this order below the horizon misses no event, however late its transaction commits.
 */
export interface EventCursor {
  readonly position: string;
  readonly seq: string;
}

export interface LedgerEvent extends EventCursor {
  readonly id: string;
  readonly type: string;
  readonly time: Date;
  /** Null: an act of the whole organization. */
  readonly workspaceId: string | null;
  /** `key:<id>` or `system`. */
  readonly actor: string;
  /** `<kind>:<id>`. */
  readonly subject: string;
  readonly data: Record<string, unknown>;
}

export const LEDGER_START: EventCursor = { position: '0', seq: '0' };
const LAST_SEQ = '9223372036854775807';

/**
 * To select before reading on from a cursor: keeps the transaction on the primary key, which is the ledger's order. Left to
 * itself the planner walks through the whole ledger for as long as its statistics lag behind a burst of events.
 */
export const STAY_ON_KEY = "set_config('enable_sort', 'off', true)";

/** Columns of an event as the fields of `LedgerEvent`. */
export const EVENT_COLUMNS = 'position, seq, id, type, time, workspace_id as "workspaceId", actor, subject, data';

/**
 * The next events after `cursor` that are settled: no transaction still running can write one before them. Sees what the
 * transaction's tenant may see.
 *
 * @param limit events at the most
 */
export async function readEvents(tx: Tx, cursor: EventCursor, limit: number): Promise<LedgerEvent[]> {
  return tx.query<LedgerEvent>(
    `select ${EVENT_COLUMNS} from events
      where organization_id = $1 and (position, seq) > ($2, $3) and position < event_horizon()
      order by position, seq limit $4`,
    [tx.organizationId, cursor.position, cursor.seq, limit],
  );
}

/** The place after which only events come that are not settled yet. */
export async function ledgerEnd(tx: Tx): Promise<EventCursor> {
  const [row] = await tx.query<{ position: string }>('select event_horizon() - 1 as position');
  return { position: row?.position ?? '0', seq: LAST_SEQ };
}

/** The place of the event with this `seq`; null when the tenant sees none. */
export async function placeOf(tx: Tx, seq: string): Promise<EventCursor | null> {
  const [place] = await tx.query<EventCursor>(
    `select position, seq from events
      where seq = $2 and organization_id = $1
        and workspace_id in (select id from workspaces where organization_id = $1)
     union all
     select position, seq from events where seq = $2 and organization_id = $1 and workspace_id is null
     limit 1`,
    [tx.organizationId, seq],
  );
  return place ?? null;
}

/** Negative when `left` stands before `right`, 0 when they are the same place. */
export function compareCursors(left: EventCursor, right: EventCursor): number {
  const byPosition = BigInt(left.position) - BigInt(right.position);
  const difference = byPosition === 0n ? BigInt(left.seq) - BigInt(right.seq) : byPosition;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
