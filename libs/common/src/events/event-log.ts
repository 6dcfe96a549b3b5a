import { v7 as newId } from 'uuid';
import type { Tx } from '../db/database.js';

/** An act, as it is written into the ledger. Names are nouns and past participles: `budget.frozen`. */
export interface NewEvent {
  type: string;
  /** Who did it: `key:<id>` or `system`. */
  actor: string;
  /** What it was done to: `<kind>:<id>`. */
  subject: string;
  /** Plain JSON without secrets; money as decimal strings. */
  data: Record<string, unknown>;
  /** The workspace it belongs to; by default the transaction's own, null for an act of the whole organization. */
  workspaceId?: string | null;
}

/** Writes an event in the act's own transaction: both happen or neither. @returns the event's id */
export async function appendEvent(tx: Tx, event: NewEvent): Promise<string> {
  const id = newId();
  await tx.query(
    `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.organizationId,
      event.workspaceId === undefined ? tx.workspaceId : event.workspaceId,
      id,
      event.type,
      event.actor,
      event.subject,
      JSON.stringify(event.data),
    ],
  );
  return id;
}

/** As `appendEvent`, several at once, in their order. */
export async function appendEvents(tx: Tx, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ workspaceId = tx.workspaceId, ...event }) => ({ ...event, id: newId(), workspaceId }));
  await tx.query(
    `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
     select $1, e."workspaceId", e.id, e.type, e.actor, e.subject, e.data
       from rows from (jsonb_to_recordset($2) as ("workspaceId" uuid, id uuid, type text, actor text, subject text, data jsonb))
            with ordinality as e("workspaceId", id, type, actor, subject, data, n)
      order by e.n`,
    [tx.organizationId, JSON.stringify(rows)],
  );
}
