import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import type { TaskWithEdges } from '../tasks/task.view.js';
import type { ClaimVerdict } from '../tasks/work.store.js';
import type { InstanceCapability } from './frame.dto.js';

export interface Offer {
  agent: string;
  actor: string;
  /** Tasks that it can take, at the most. */
  places: number;
  /** Null: all that the agent has. */
  capabilities: InstanceCapability[] | null;
}

/** `n`: the place of the offer, from 1. */
export type Offered = { n: number } & (
  { verdict: 'claimed'; idle: false; task: TaskWithEdges } | { verdict: ClaimVerdict; idle: boolean }
);

@Injectable()
export class OfferStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /**
   * Leases up to `most` tasks to the first of these agents that are able to do something of what waits, to be acknowledged.
   *
   * @returns what became of the offers that were looked at, one by one for each task; the rest is as before
   */
  async offer(scope: WorkspaceScope, offers: Offer[], most: number): Promise<Offered[]> {
    const rows = await this.db.statement<
      TaskWithEdges & { n: number; verdict: ClaimVerdict | 'claimed'; idle: boolean }
    >(`select o.n, o.verdict, o.idle, (o.task).*, '{}'::uuid[] as depends_on from offer_tasks($1, $2, $3, $4) o`, [
      scope.organizationId,
      scope.workspaceId,
      JSON.stringify(offers),
      most,
    ]);
    return rows.map(({ n, verdict, idle, ...task }) =>
      verdict === 'claimed' ? { n, verdict, idle: false, task } : { n, verdict, idle },
    );
  }
}
