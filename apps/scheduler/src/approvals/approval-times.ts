import { Inject, Injectable } from '@nestjs/common';
import { actOnTime, type TimeActed } from '@houston/common/approvals/approval-time.js';
import { lockApproval } from '@houston/common/approvals/approval.store.js';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { type DueApproval, DueApprovalStore } from './due-approval.store.js';

const BATCH = 200;
const AT_ONCE = 8;

/**
 * Acts when the time of an approval has come: at its deadline, when its task has ended, and once a day to remind. Whoever
 * decides in the same moment holds the same lock, so exactly one of the two happens.
 */
@Injectable()
export class ApprovalTimes extends Duty {
  readonly name = 'approval-times';
  /** A deadline is acted on within 2 s. */
  readonly interval = { busyMs: 250, idleMs: 500 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DueApprovalStore) private readonly store: DueApprovalStore,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const counts: Record<TimeActed, number> = { expired: 0, approved: 0, escalated: 0, reminded: 0, cancelled: 0 };
    const errors: unknown[] = [];
    for (const organizationId of await this.db.organizationIds()) {
      const due = await this.db.inOrganization(organizationId, (tx) => this.store.due(tx, BATCH));
      for (let at = 0; at < due.length; at += AT_ONCE) {
        const acts = due.slice(at, at + AT_ONCE).map((one) => this.act(organizationId, one));
        for (const acted of await Promise.allSettled(acts)) {
          if (acted.status === 'rejected') errors.push(acted.reason);
          else if (acted.value !== null) counts[acted.value] += 1;
        }
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} approvals could not be acted on`);
    return counts;
  }

  /** @returns null when somebody else was quicker */
  private act(organizationId: string, due: DueApproval): Promise<TimeActed | null> {
    return this.db.inOrganization(organizationId, async (tx) => {
      const row = await lockApproval(tx, due.workspaceId, due.id);
      const { isDue, isTaskOver } = await this.store.look(tx, due);
      return row?.status === 'pending' && isDue ? actOnTime(tx, row, isTaskOver) : null;
    });
  }
}
