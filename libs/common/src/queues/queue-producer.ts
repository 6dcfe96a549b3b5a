import { getQueueToken } from '@nestjs/bullmq';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { JobsOptions, Queue } from 'bullmq';
import { PRIORITIES, QUEUE_NAMES, QUEUES, type QueueName, type Wakeup } from './queues.js';

const ADD_DEADLINE_MS = 5_000;
const VALID_ID = /^[A-Za-z0-9_.-]*[A-Za-z_.-][A-Za-z0-9_.-]*$/;

/** Adds wake-ups to the queues. Call it after the commit of the rows they are about. */
@Injectable()
export class QueueProducer implements OnModuleInit {
  private readonly log = new Logger('Queues');
  private readonly queues = new Map<QueueName, Queue>();

  constructor(private readonly modules: ModuleRef) {}

  onModuleInit(): void {
    for (const name of QUEUE_NAMES) {
      const queue = this.modules.get<Queue>(getQueueToken(name), { strict: false });
      queue.on('error', (error) => this.log.warn(`queue ${name}: ${error.message}`));
      this.queues.set(name, queue);
    }
  }

  queue(name: QueueName): Queue {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`No queue ${name} is registered`);
    return queue;
  }

  /** Adds all of them; one that exists already stays as it is. @throws when the queue cannot be reached in time */
  async add(wakeups: readonly Wakeup[]): Promise<void> {
    for (const name of QUEUE_NAMES) {
      const jobs = wakeups.filter((wakeup) => wakeup.queue === name).map(jobOf);
      if (jobs.length > 0) await withinDeadline(this.queue(name).addBulk(jobs));
    }
  }
}

/** A queue that was never reached since the start of the process would keep its caller waiting for ever. */
async function withinDeadline(adding: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The queue did not answer within ${ADD_DEADLINE_MS} ms`)),
      ADD_DEADLINE_MS,
    );
  });
  try {
    await Promise.race([adding, late]);
  } finally {
    clearTimeout(timer);
  }
}

function jobOf({ queue, payload, id, delayMs, priority }: Wakeup): { name: string; data: unknown; opts: JobsOptions } {
  if (!VALID_ID.test(id)) throw new Error(`"${id}" cannot name a wake-up`);
  const { attempts, backoffMs, priority: usual } = QUEUES[queue];
  const opts: JobsOptions = {
    jobId: id,
    attempts,
    backoff: { type: 'exponential', delay: backoffMs },
    priority: priority === undefined ? usual : PRIORITIES[priority],
    // A finished job that stayed would swallow the next wake-up of the same id.
    removeOnComplete: true,
    removeOnFail: true,
    delay: delayMs,
  };
  return { name: queue, data: payload, opts };
}
