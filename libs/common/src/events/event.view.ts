import type { LedgerEvent } from './event-reader.js';

/** An event as everybody outside sees it: in lists, live feeds and webhooks. */
export interface EventView {
  id: string;
  /** Rises with every event. A number, or decimal digits from 2^53 on. */
  seq: number | string;
  type: string;
  /** ISO 8601, UTC. */
  time: string;
  /** The workspace's slug, its id when nobody looked the slug up, null for an act of the whole organization. */
  workspace: string | null;
  actor: string;
  subject: string;
  data: unknown;
}

export function eventView(event: LedgerEvent, workspaceSlug?: string): EventView {
  const seq = Number(event.seq);
  return {
    id: event.id,
    seq: Number.isSafeInteger(seq) ? seq : event.seq,
    type: event.type,
    time: event.time.toISOString(),
    workspace: event.workspaceId === null ? null : (workspaceSlug ?? event.workspaceId),
    actor: event.actor,
    subject: event.subject,
    data: event.data,
  };
}
