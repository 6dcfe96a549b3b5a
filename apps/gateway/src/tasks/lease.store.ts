import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import type { Holder, Judged, LeaseBearer, PresentedLease } from './work.store.js';

/** A lease, presented by somebody for a task. */
export interface Presented {
  bearer: LeaseBearer;
  taskId: string;
  lease: PresentedLease;
}

interface JudgedRow extends TaskRow {
  n: number;
  verdict: Judged['verdict'];
  holder: Holder | null;
}

@Injectable()
export class LeaseStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Locks the tasks, and says of each whether its lease is the present one, in the order of `presented`. */
  async judge(tx: Tx, presented: readonly Presented[]): Promise<Judged[]> {
    const rows = await tx.query<JudgedRow>('select j.n, j.verdict, j.holder, (j.task).* from judge_leases($1) j', [
      itemsOf(presented),
    ]);
    return inOrder(rows);
  }

  /** Takes offers up, of those whose lease is the present one, in the order of `presented`. In a transaction of its own. */
  async acknowledge(organizationId: string, presented: readonly Presented[]): Promise<Judged[]> {
    const rows = await this.db.statement<JudgedRow>(
      'select j.n, j.verdict, j.holder, (j.task).* from acknowledge_tasks($1, $2) j',
      [organizationId, itemsOf(presented)],
    );
    return inOrder(rows);
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

function inOrder(rows: JudgedRow[]): Judged[] {
  return rows.sort((a, b) => a.n - b.n).map(judgedOf);
}

function judgedOf({ n: _place, verdict, holder, ...task }: JudgedRow): Judged {
  switch (verdict) {
    case 'held':
      return { verdict, task };
    case 'lease_lost':
      return { verdict, holder };
    case 'forbidden':
    case 'missing':
      return { verdict };
  }
}
