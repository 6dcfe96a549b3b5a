import { Inject, Injectable } from '@nestjs/common';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { QUEUE_NAMES } from '@houston/common/queues/queues.js';
import type { PartView, ReadyView } from './health.dto.js';
import { ProcessStore } from './process.store.js';

/** The services beside this one; without any of them something that was promised does not happen. */
const OTHER_SERVICES = ['budget', 'scheduler', 'notifier'];
const SILENT_AFTER_SECONDS = 15;
const ANSWER_WITHIN_MS = 2_000;

/** Whether the house can do all it promises, part by part. */
@Injectable()
export class Readiness {
  constructor(
    @Inject(ProcessStore) private readonly processes: ProcessStore,
    @Inject(QueueProducer) private readonly queues: QueueProducer,
  ) {}

  async check(): Promise<ReadyView> {
    const [alive, queues] = await Promise.all([
      outcomeOf(this.processes.alive(SILENT_AFTER_SECONDS)),
      outcomeOf(this.queues.queue(QUEUE_NAMES[0]!).getWaitingCount()),
    ]);
    const parts: Record<string, PartView> = { database: partOf(alive), queues: partOf(queues) };
    for (const service of OTHER_SERVICES) parts[service] = serviceOf(service, alive);
    const ready = Object.values(parts).every((part) => part.ok);
    return { status: ready ? 'ready' : 'not_ready', parts };
  }
}

type Outcome<T> = { ok: true; value: T } | { ok: false; fault: string };

async function outcomeOf<T>(asked: Promise<T>): Promise<Outcome<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Outcome<T>>((resolve) => {
    timer = setTimeout(
      () => resolve({ ok: false, fault: `no answer within ${ANSWER_WITHIN_MS} ms` }),
      ANSWER_WITHIN_MS,
    );
  });
  const answered = asked.then(
    (value): Outcome<T> => ({ ok: true, value }),
    // The messages of drivers can name hosts and users, and this route is for everybody.
    (): Outcome<T> => ({ ok: false, fault: 'does not answer' }),
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

function partOf(outcome: Outcome<unknown>): PartView {
  return outcome.ok ? { ok: true } : { ok: false, fault: outcome.fault };
}

function serviceOf(service: string, alive: Outcome<Set<string>>): PartView {
  if (!alive.ok) return { ok: false, fault: 'unknown while the database does not answer' };
  if (alive.value.has(service)) return { ok: true };
  return { ok: false, fault: `no sign of life for ${SILENT_AFTER_SECONDS} s` };
}
