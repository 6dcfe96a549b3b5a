import type { Tx } from '../db/database.js';
import { askedAgain, OWNERS } from '../domain/approval-deciders.js';
import type { ApprovalRow } from './approval.row.js';
import { tellEscalated, tellReminded, tellResolved } from './approval-tale.js';
import { type LockedApproval, writeEscalation, writeReminder, writeResolution } from './approval.store.js';

export type TimeActed = 'expired' | 'approved' | 'escalated' | 'reminded' | 'cancelled';

/** Does at the deadline what the request said should happen then, to an approval that this transaction has locked. */
export async function timeOut(tx: Tx, row: ApprovalRow): Promise<TimeActed> {
  switch (row.on_timeout) {
    case 'reject':
      await tellResolved(tx, await writeResolution(tx, row, { status: 'expired', by: 'timeout' }));
      return 'expired';
    case 'approve': {
      const approved = { status: 'approved', approvedDigest: row.payload_digest, by: 'timeout' } as const;
      await tellResolved(tx, await writeResolution(tx, row, approved));
      return 'approved';
    }
    case 'escalate':
      await tellEscalated(tx, await writeEscalation(tx, row, OWNERS));
      return 'escalated';
  }
}

/** What is due for a pending approval that this transaction has locked. */
export async function actOnTime(tx: Tx, row: LockedApproval, isTaskOver: boolean): Promise<TimeActed> {
  if (isTaskOver) {
    await tellResolved(tx, await writeResolution(tx, row, { status: 'cancelled', by: 'system' }));
    return 'cancelled';
  }
  if (row.is_late) return timeOut(tx, row);
  const reminded = await writeReminder(tx, row);
  await tellReminded(tx, reminded, askedAgain(reminded, reminded.reminders));
  return 'reminded';
}
