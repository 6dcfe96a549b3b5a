import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';

export interface DueApproval {
  workspaceId: string;
  id: string;
}

@Injectable()
export class DueApprovalStore {
  /** The longest overdue first. */
  due(tx: Tx, limit: number): Promise<DueApproval[]> {
    return tx.query(
      `select workspace_id as "workspaceId", id from approvals
        where organization_id = $1 and due_at <= clock_timestamp() order by due_at, id limit $2`,
      [tx.organizationId, limit],
    );
  }

  /** Whether an approval that this transaction has locked is still due, and whether its task has ended meanwhile. */
  async look(tx: Tx, { workspaceId, id }: DueApproval): Promise<{ isDue: boolean; isTaskOver: boolean }> {
    const [row] = await tx.query<{ isDue: boolean; isTaskOver: boolean }>(
      `select coalesce(a.due_at <= clock_timestamp(), false) as "isDue", t.ended_at is not null as "isTaskOver"
         from approvals a left join tasks t on t.workspace_id = a.workspace_id and t.id = a.task_id
        where a.workspace_id = $1 and a.id = $2`,
      [workspaceId, id],
    );
    return row ?? { isDue: false, isTaskOver: false };
  }
}
