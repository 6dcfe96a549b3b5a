import { DelayedError, type Job } from 'bullmq';
import type { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Wakeup } from '@houston/common/queues/queues.js';

/** What a room answers to a wake-up. */
export type WakeupAnswer =
  /** Nothing more to do for this wake-up; `wakeups` are to be added. */
  | { kind: 'done'; wakeups: Wakeup[] }
  /** Not now: come again. */
  | { kind: 'snooze'; delayMs: number };

/** Does to the job what the room answered. */
export async function obey(
  answer: WakeupAnswer,
  job: Job,
  token: string | undefined,
  producer: QueueProducer,
): Promise<void> {
  if (answer.kind === 'done') return producer.add(answer.wakeups);
  await job.moveToDelayed(Date.now() + answer.delayMs, token);
  throw new DelayedError();
}
