import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { EscalationRow } from '@houston/common/escalation/escalation.row.js';

export interface EscalationFilter {
  taskId?: string;
  approvalId?: string;
  ruleId?: string;
  status?: string;
  /** raised_at in microseconds, and id, of the last of the page before. */
  after: readonly string[] | null;
  limit: number;
}

/** The history of rules that fired, in the workspace of the transaction. */
@Injectable()
export class EscalationStore {
  /** Latest first. `sort_key` is the exact time, for the cursor. */
  list(tx: Tx, filter: EscalationFilter): Promise<(EscalationRow & { sort_key: string })[]> {
    const [afterTime, afterId] = filter.after ?? [null, null];
    return tx.query(
      `select *, (extract(epoch from raised_at) * 1000000)::bigint::text as sort_key from escalations
        where workspace_id = $1 and ($2::uuid is null or subject_id = $2) and ($3::uuid is null or rule_id = $3)
          and ($8::uuid is null or subject_id = $8)
          and ($4::text is null or status = $4)
          and ($5::bigint is null or (raised_at, id) < (timestamptz 'epoch' + $5 * interval '1 microsecond', $6::uuid))
        order by raised_at desc, id desc limit $7`,
      [
        tx.workspaceId,
        filter.taskId ?? null,
        filter.ruleId ?? null,
        filter.status ?? null,
        afterTime,
        afterId,
        filter.limit + 1,
        filter.approvalId ?? null,
      ],
    );
  }

  async find(tx: Tx, id: string): Promise<EscalationRow | null> {
    const [row] = await tx.query<EscalationRow>('select * from escalations where workspace_id = $1 and id = $2', [
      tx.workspaceId,
      id,
    ]);
    return row ?? null;
  }

  async acknowledge(tx: Tx, id: string, actor: string): Promise<boolean> {
    const rows = await tx.query(
      `update escalations set status = 'acknowledged', acknowledged_at = now(), acknowledged_by = $3
        where workspace_id = $1 and id = $2 and status = 'open' returning id`,
      [tx.workspaceId, id, actor],
    );
    return rows.length === 1;
  }

  /** Whoever looks at the pair next waits for this transaction. */
  async lockWatch(tx: Tx, { rule_id, subject_id }: EscalationRow): Promise<void> {
    await tx.query(
      'select 1 from escalation_watches where workspace_id = $1 and rule_id = $2 and subject_id = $3 for update',
      [tx.workspaceId, rule_id, subject_id],
    );
  }

  /** The rule begins anew with its first level, when its cooldown has ended. */
  async beginAnew(tx: Tx, { rule_id, subject_id }: EscalationRow): Promise<void> {
    await tx.query(
      `update escalation_watches set depth = 0, due_at = coalesce(cooldown_until, due_at)
        where workspace_id = $1 and rule_id = $2 and subject_id = $3`,
      [tx.workspaceId, rule_id, subject_id],
    );
  }
}
