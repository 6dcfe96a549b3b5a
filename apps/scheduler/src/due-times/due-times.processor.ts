import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import type { Job } from 'bullmq';
import type { Payloads } from '@houston/common/queues/queues.js';
import { Deadlines } from '../deadlines/deadlines.js';
import { EscalationWatch } from '../escalation/escalation-watch.js';

/** Looks at the very moment; what it does not finish, the duties do. */
@Processor('due-times')
export class DueTimesProcessor extends WorkerHost {
  constructor(
    @Inject(Deadlines) private readonly deadlines: Deadlines,
    @Inject(EscalationWatch) private readonly escalation: EscalationWatch,
  ) {
    super();
  }

  async process(job: Job<Payloads['due-times']>): Promise<void> {
    const { organizationId } = job.data;
    await this.deadlines.noteBreaches(organizationId);
    await this.escalation.turn(organizationId);
  }
}
