import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { type EscalationTrigger, looksAt, type SubjectKind } from '@houston/common/domain/escalation.js';

/** Which workspaces have rules that care about what. */
export interface Interests {
  inTasks: ReadonlySet<string>;
  /** In tasks that are done or cancelled, too. */
  inFinished: ReadonlySet<string>;
  inApprovals: ReadonlySet<string>;
  inAgents: readonly string[];
  inBudgets: readonly string[];
}

@Injectable()
export class EscalationRouteStore {
  async interests(tx: Tx): Promise<Interests> {
    const rows = await tx.query<{ workspace_id: string; trigger: EscalationTrigger; finished: boolean }>(
      `select distinct workspace_id, trigger, coalesce(match -> 'status' ?| array['done', 'cancelled'], false) as finished
         from escalation_rules where organization_id = $1 and enabled`,
      [tx.organizationId],
    );
    const having = (kind: SubjectKind) => [
      ...new Set(rows.filter((row) => looksAt(row.trigger, kind)).map((row) => row.workspace_id)),
    ];
    return {
      inTasks: new Set(having('task')),
      inApprovals: new Set(having('approval')),
      inFinished: new Set(rows.filter((row) => row.finished).map((row) => row.workspace_id)),
      inAgents: having('agent'),
      inBudgets: having('budget'),
    };
  }
}
