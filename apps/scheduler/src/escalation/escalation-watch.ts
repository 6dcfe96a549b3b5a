import { Inject, Injectable, Logger } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { type DueLooks, lookAtDue } from '@houston/common/escalation/due-looks.js';

const BATCH = 100;

/**
 * Looks at whatever is due to be looked at, and tells whom it concerns. Wake-ups bring it to the moment; without them it comes
 * by itself, every second.
 */
@Injectable()
export class EscalationWatch extends Duty {
  readonly name = 'escalation-watch';
  readonly interval = { busyMs: 250, idleMs: 1_000 };
  override readonly batchSize = BATCH;
  override readonly isFrequent = true;
  private readonly log = new Logger('escalation');

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const counts = { noted: 0, looked: 0, raised: 0, resolved: 0 };
    for (const organizationId of await this.db.organizationIds()) {
      const { noted, looked, raised, resolved } = await this.turn(organizationId);
      counts.noted += noted;
      counts.looked += looked;
      counts.raised += raised;
      counts.resolved += resolved;
    }
    return counts;
  }

  /** One bounded turn in one organization. */
  turn(organizationId: string): Promise<DueLooks> {
    return lookAtDue(this.db, { organizationId, workspaceId: null }, (watch, error) =>
      this.log.error({ msg: 'a rule could not be held against its subject; it is put off', ...watch, err: error }),
    );
  }
}
