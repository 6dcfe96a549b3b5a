import type { Tx } from '../db/database.js';

/** A counter that is not the sum of its entries; amounts in nano-USD. */
export interface CounterFault {
  budgetId: string;
  windowStart: Date;
  counter: 'held' | 'spent' | 'overage' | 'unreserved' | 'heldByLiveExecutions';
  expected: bigint;
  actual: bigint;
}

export interface CounterVerdict {
  ok: boolean;
  /** Counters compared. */
  checked: number;
  firstFault?: CounterFault;
}

interface VerdictRow {
  checked: string;
  budget_id: string | null;
  window_start: Date;
  counter: CounterFault['counter'];
  expected: string;
  actual: string;
}

/** Recomputes all counters of the organization from its ledger. @param tx speaks for the whole organization */
export async function verifyCounters(tx: Tx): Promise<CounterVerdict> {
  const [row] = await tx.query<VerdictRow>('select * from verify_counters($1)', [tx.organizationId]);
  if (!row) throw new Error('The verification gave no verdict');
  const checked = Number(row.checked);
  if (row.budget_id === null) return { ok: true, checked };
  const { budget_id: budgetId, window_start: windowStart, counter } = row;
  const fault = { budgetId, windowStart, counter, expected: BigInt(row.expected), actual: BigInt(row.actual) };
  return { ok: false, checked, firstFault: fault };
}
