import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import type { Holder, LeaseBearer, PresentedLease, Unheld } from './work.store.js';

/** A lease, presented by somebody for a task. */
export interface Presented {
  bearer: LeaseBearer;
  taskId: string;
  lease: PresentedLease;
}

/** What is to be known of a task to decide what the end of its lease makes of it. */
export type HeldTask = Pick<
  TaskRow,
  'workspace_id' | 'id' | 'status' | 'attempts' | 'retry_policy' | 'output_schema' | 'lease_agent_id'
>;

export type Held = { verdict: 'held'; task: HeldTask } | Unheld;

export type Acknowledged = { verdict: 'held' } | Unheld;

interface VerdictRow {
  n: number;
  verdict: Held['verdict'];
  holder: Holder | null;
}

@Injectable()
export class LeaseStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Locks the tasks, and says of each whether its lease is the present one, in the order of `presented`. */
  async judge(tx: Tx, presented: readonly Presented[]): Promise<Held[]> {
    const rows = await tx.query<VerdictRow & HeldTask>('select * from judge_leases($1)', [itemsOf(presented)]);
    return rows.sort(byPlace).map(({ n: _place, verdict, holder, ...task }) => {
      return verdict === 'held' ? { verdict, task } : unheld(verdict, holder);
    });
  }

  /** Takes offers up, of those whose lease is the present one, in the order of `presented`. In a transaction of its own. */
  async acknowledge(organizationId: string, presented: readonly Presented[]): Promise<Acknowledged[]> {
    const rows = await this.db.statement<VerdictRow>('select n, verdict, holder from acknowledge_tasks($1, $2)', [
      organizationId,
      itemsOf(presented),
    ]);
    return rows
      .sort(byPlace)
      .map(({ verdict, holder }) => (verdict === 'held' ? { verdict } : unheld(verdict, holder)));
  }
}

function itemsOf(presented: readonly Presented[]): string {
  return JSON.stringify(
    presented.map(({ bearer, taskId, lease }) => ({
      ...{ workspace_id: bearer.workspaceId, id: taskId, lease: lease.id, fence: lease.fence },
      ...{ agent: bearer.agentId, actor: bearer.actor },
    })),
  );
}

function byPlace(a: VerdictRow, b: VerdictRow): number {
  return a.n - b.n;
}

function unheld(verdict: Unheld['verdict'], holder: Holder | null): Unheld {
  return verdict === 'lease_lost' ? { verdict, holder } : { verdict };
}
