import type { Tx } from '../db/database.js';
import { featuresOf } from '../domain/workspace-settings.js';
import { appendEvent } from '../events/event-log.js';
import { type SlackStandup, standupMarkdown, standupSlack, standupText } from './standup-renderings.js';
import type { StandupReport, StandupSections, StandupTotals } from './standup-sections.js';

/** clock: that of every workspace; schedule: one that people made. */
export type StandupOrigin = 'clock' | 'manual' | 'schedule';

export interface StandupRow {
  id: string;
  origin: StandupOrigin;
  from_at: Date;
  to_at: Date;
  sections: StandupSections;
  totals: StandupTotals;
  title: string;
  text: string;
  markdown: string;
  slack: SlackStandup;
  status: 'waiting' | 'sent' | 'superseded';
  created_by: string;
  created_at: Date;
  sent_at: Date | null;
  /** Creation in microseconds, for the cursor. */
  sort_key: string;
}

export interface NewStandup {
  id: string;
  /** When it was due by the clock of the workspace; null: somebody, or a schedule, asked for it. */
  tickAt: Date | null;
  origin: StandupOrigin;
  createdBy: string;
}

interface StandupWorkspace {
  id: string;
  /** As stored. */
  settings: Record<string, unknown>;
}

const COLUMNS = `id, origin, from_at, to_at, sections, totals, title, text, markdown, slack, status, created_by, created_at,
  sent_at, (extract(epoch from created_at) * 1000000)::bigint::text as sort_key`;

export async function findStandup(tx: Tx, workspaceId: string, id: string): Promise<StandupRow | null> {
  const [row] = await tx.query<StandupRow>(`select ${COLUMNS} from standups where workspace_id = $1 and id = $2`, [
    workspaceId,
    id,
  ]);
  return row ?? null;
}

/** Newest first, one more than asked for. @param before creation (microseconds as text) and id */
export function listStandups(tx: Tx, workspaceId: string, before: string[] | null, limit: number) {
  const [beforeCreation, beforeId] = before ?? [null, null];
  return tx.query<StandupRow>(
    `select ${COLUMNS} from standups
      where workspace_id = $1
        and ($2::bigint is null or (created_at, id) < (timestamptz 'epoch' + $2 * interval '1 microsecond', $3::uuid))
      order by created_at desc, id desc limit $4`,
    [workspaceId, beforeCreation, beforeId, limit + 1],
  );
}

/**
 * Keeps a stand-up and tells of it. With the sender switched off it waits.
 *
 * @returns null when its tick, or its id, has one already
 */
export async function keepStandup(
  tx: Tx,
  workspace: StandupWorkspace,
  report: StandupReport,
  { id, tickAt, origin, createdBy }: NewStandup,
): Promise<StandupRow | null> {
  await lockStandups(tx, workspace.id);
  const [known] = await tx.query('select 1 from standups where workspace_id = $1 and (id = $2 or tick_at = $3)', [
    workspace.id,
    id,
    tickAt?.toISOString() ?? null,
  ]);
  if (known) return null;
  const sending = featuresOf(workspace.settings).standups;
  const { title, text } = standupText(report);
  await tx.query(
    `insert into standups (organization_id, workspace_id, id, origin, tick_at, from_at, to_at, sections, totals, title, text,
                           markdown, slack, created_by, status, sent_at)
     values ($1, $2, $3, $15, $4, $5, $6, $7, $8, $9, $10, $11,
             $12, $13, case when $14 then 'sent' else 'waiting' end, case when $14 then now() end)`,
    [
      ...[tx.organizationId, workspace.id, id, tickAt?.toISOString() ?? null],
      ...[report.from.toISOString(), report.to.toISOString()],
      ...[JSON.stringify(report.sections), JSON.stringify(report.totals), title, text],
      ...[standupMarkdown(report), JSON.stringify(standupSlack(report)), createdBy, sending, origin],
    ],
  );
  const kept = await findStandup(tx, workspace.id, id);
  if (!kept) throw new Error(`Stand-up ${id} is gone within its own transaction`);
  if (sending) await tell(tx, workspace.id, kept);
  return kept;
}

/** Sends those that wait, in the order in which they were made. @returns how many were sent */
export async function sendWaitingStandups(tx: Tx, workspaceId: string): Promise<number> {
  const sent = await tx.query<StandupRow>(
    `update standups set status = 'sent', sent_at = now() where workspace_id = $1 and status = 'waiting' returning ${COLUMNS}`,
    [workspaceId],
  );
  sent.sort((a, b) => a.created_at.getTime() - b.created_at.getTime());
  for (const row of sent) await tell(tx, workspaceId, row);
  return sent.length;
}

/** One after the other: a tick has one stand-up. */
async function lockStandups(tx: Tx, workspaceId: string): Promise<void> {
  await tx.query('select 1 from standup_clocks where workspace_id = $1 for update', [workspaceId]);
}

async function tell(tx: Tx, workspaceId: string, row: StandupRow): Promise<void> {
  const { id, title, text, totals } = row;
  await appendEvent(tx, {
    ...{ type: 'standup.sent', actor: row.created_by, subject: `standup:${id}`, workspaceId },
    data: { standupId: id, from: row.from_at.toISOString(), to: row.to_at.toISOString(), totals, title, text },
  });
}
