import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { Duty, type Counts } from '@houston/common/duties/duty.js';
import { upcoming } from '@houston/common/escalation/watch.store.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { dueAt } from './due-wakeup.js';

const AHEAD_MS = 6_000;

/**
 * Adds a wake-up for each moment of the next seconds at which something is due. Only of the next: most of what is watched
 * comes to nothing long before its time. One that is planned already is left alone by its id.
 */
@Injectable()
export class DueTimesPlanner extends Duty {
  readonly name = 'due-times';
  readonly interval = { busyMs: 2_000, idleMs: 2_000 };
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    let planned = 0;
    for (const organizationId of await this.db.organizationIds()) {
      const moments = await this.db.inOrganization(organizationId, (tx) => upcoming(tx, AHEAD_MS));
      await this.producer.add(moments.map(({ at_ms, in_ms }) => dueAt(organizationId, at_ms, in_ms)));
      planned += moments.length;
    }
    return { planned };
  }
}
