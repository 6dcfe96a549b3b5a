import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

/** Which workspaces have rules that care about what. */
export interface Interests {
  inTasks: ReadonlySet<string>;
  /** In tasks that are done or cancelled, too. */
  inFinished: ReadonlySet<string>;
  inAgents: readonly string[];
  inBudgets: readonly string[];
}

@Injectable()
export class EscalationRouteStore {
  async interests(tx: Tx): Promise<Interests> {
    const rows = await tx.query<{ workspace_id: string; trigger: string; finished: boolean }>(
      `select distinct workspace_id, trigger, coalesce(match -> 'status' ?| array['done', 'cancelled'], false) as finished
         from escalation_rules where organization_id = $1 and enabled`,
      [tx.organizationId],
    );
    const having = (wanted: (trigger: string) => boolean) => [
      ...new Set(rows.filter((row) => wanted(row.trigger)).map((row) => row.workspace_id)),
    ];
    return {
      inTasks: new Set(having((trigger) => trigger !== 'agentSilent' && trigger !== 'budgetConsumed')),
      inFinished: new Set(rows.filter((row) => row.finished).map((row) => row.workspace_id)),
      inAgents: having((trigger) => trigger === 'agentSilent'),
      inBudgets: having((trigger) => trigger === 'budgetConsumed'),
    };
  }
}
