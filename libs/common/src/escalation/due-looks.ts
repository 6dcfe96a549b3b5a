import type { Database, Tx, WorkspaceScope } from '../db/database.js';
import type { WatchRow } from './escalation.row.js';
import { look } from './look.js';
import { takeNote } from './take-note.js';
import { lockDue, lockOne, postpone } from './watch.store.js';

const BATCH = 100;
const POSTPONED_SECONDS = 10;

export interface DueLooks {
  /** Marks that were read. */
  noted: number;
  /** Watches that were looked at. */
  looked: number;
  raised: number;
  resolved: number;
}

/** Where to look: in one workspace, or in all of an organization. */
export type LookedPlace = WorkspaceScope | { organizationId: string; workspaceId: null };

/**
 * One bounded turn: reads what has been left word of, then looks at what is due. When a batch cannot be looked at as one,
 * its watches are looked at one by one, so that none keeps the others from being told.
 *
 * @param onFault is told what could not be looked at and why; that watch is put off by 10 s
 */
export async function lookAtDue(
  db: Database,
  place: LookedPlace,
  onFault: (watch: WatchRow, error: unknown) => void,
): Promise<DueLooks> {
  const noted = await inPlace(db, place, (tx) => takeNote(tx));
  let batch: WatchRow[] = [];
  try {
    const looked = await inPlace(db, place, async (tx) => {
      batch = await lockDue(tx, BATCH);
      return look(tx, batch);
    });
    return { noted, looked: batch.length, raised: looked.raised.length, resolved: looked.resolved };
  } catch (error) {
    if (batch.length === 0) throw error;
    return { noted, looked: batch.length, ...(await lookOneByOne(db, place, batch, onFault)) };
  }
}

async function lookOneByOne(
  db: Database,
  place: LookedPlace,
  batch: readonly WatchRow[],
  onFault: (watch: WatchRow, error: unknown) => void,
): Promise<{ raised: number; resolved: number }> {
  const counts = { raised: 0, resolved: 0 };
  for (const watch of batch) {
    try {
      const looked = await inPlace(db, place, async (tx) => look(tx, await lockOne(tx, watch)));
      counts.raised += looked.raised.length;
      counts.resolved += looked.resolved;
    } catch (error) {
      onFault(watch, error);
      await inPlace(db, place, (tx) => postpone(tx, watch, POSTPONED_SECONDS));
    }
  }
  return counts;
}

function inPlace<T>(db: Database, place: LookedPlace, act: (tx: Tx) => Promise<T>): Promise<T> {
  // An agent's leases may lie in other workspaces, so acting needs the whole organization; the place narrows what is taken.
  return db.inOrganization(place.organizationId, (tx) => act({ ...tx, workspaceId: place.workspaceId }));
}
