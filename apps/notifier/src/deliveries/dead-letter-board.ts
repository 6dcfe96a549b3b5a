import { Inject, Injectable } from '@nestjs/common';
import type { Job, Queue } from 'bullmq';
import { Database } from '@houston/common/db/database.js';
import { type Counts, Duty } from '@houston/common/duties/duty.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { deadLetterWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import { type OpenDeadLetter, SweepStore } from './sweep.store.js';

const BATCH_SIZE = 500;
/** More than this nobody looks through on a board; the API shows all. */
const BOARD_LIMIT = 10_000;

type DeadLetterJob = Job<Payloads['dead-letters']>;

/**
 * Keeps the queue `dead-letters` equal to the open dead letters: it is a board to look at, and Postgres is what it
 * shows. Compares the numbers first, so that a board in order costs one count.
 */
@Injectable()
export class DeadLetterBoard extends Duty {
  readonly name = 'dead-letter-board';
  readonly interval = { busyMs: 5_000, idleMs: 20_000 };

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(SweepStore) private readonly store: SweepStore,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const organizationIds = await this.db.organizationIds();
    const open = await this.countOpen(organizationIds);
    if (Math.min(open, BOARD_LIMIT) === (await this.queue.getJobCountByTypes('prioritized')))
      return { shown: 0, taken: 0 };
    const taken = await this.takeDown();
    let shown = 0;
    for (const organizationId of organizationIds) shown += await this.putUp(organizationId, BOARD_LIMIT - shown);
    return { shown, taken };
  }

  private get queue(): Queue<Payloads['dead-letters']> {
    return this.producer.queue('dead-letters');
  }

  private async countOpen(organizationIds: string[]): Promise<number> {
    let open = 0;
    for (const id of organizationIds) {
      open += await this.db.inOrganization(id, (tx) => this.store.countOpenDeadLetters(tx));
    }
    return open;
  }

  /** Removes what is no longer open, from the end, so that removing moves nothing that is still to be read. */
  private async takeDown(): Promise<number> {
    let taken = 0;
    const count = Math.min(await this.queue.getJobCountByTypes('prioritized'), BOARD_LIMIT);
    for (let end = count; end > 0; end -= BATCH_SIZE) {
      const jobs: DeadLetterJob[] = await this.queue.getJobs(
        ['prioritized'],
        Math.max(0, end - BATCH_SIZE),
        end - 1,
        true,
      );
      for (const job of await this.closed(jobs)) {
        await job.remove();
        taken += 1;
      }
    }
    return taken;
  }

  private async closed(jobs: DeadLetterJob[]): Promise<DeadLetterJob[]> {
    const closed: DeadLetterJob[] = [];
    for (const organizationId of new Set(jobs.map((job) => job.data.organizationId))) {
      const own = jobs.filter((job) => job.data.organizationId === organizationId);
      const ids = own.map((job) => job.data.deadLetterId);
      const open = await this.db.inOrganization(organizationId, (tx) => this.store.whichAreOpen(tx, ids));
      closed.push(...own.filter((job) => !open.has(job.data.deadLetterId)));
    }
    return closed;
  }

  private async putUp(organizationId: string, room: number): Promise<number> {
    let shown = 0;
    let after: string | null = null;
    while (shown < room) {
      const limit = Math.min(BATCH_SIZE, room - shown);
      const position: string | null = after;
      const open: OpenDeadLetter[] = await this.db.inOrganization(organizationId, (tx) =>
        this.store.openDeadLetters(tx, position, limit),
      );
      await this.producer.add(
        open.map((row) => deadLetterWakeup({ organizationId, workspaceId: row.workspace_id }, row.id)),
      );
      shown += open.length;
      after = open.at(-1)?.id ?? null;
      if (open.length < limit) break;
    }
    return shown;
  }
}
