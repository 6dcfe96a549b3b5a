import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { QueueBackend, type QueueBackendConfig } from '@houston/common/queues/queue-backend.js';

const BACKLOG = 400;
const CONCURRENCY = 100;

/** What the queue library does by itself on the same backend: jobs a second, added and processed by a worker that does nothing. */
export async function measureRawQueue(config: QueueBackendConfig, seconds: number): Promise<number> {
  const backend = QueueBackend.choose(config);
  const options = { connection: backend.connection, ...(backend.prefix ? { prefix: backend.prefix } : {}) };
  const queue = new Queue('raw', { ...options, defaultJobOptions: { removeOnComplete: true } });
  let done = 0;
  const worker = new Worker('raw', async () => void (done += 1), { ...options, concurrency: CONCURRENCY });
  await worker.waitUntilReady();
  try {
    let added = 0;
    const fill = async (until: number) => {
      while (performance.now() < until) {
        const missing = BACKLOG - (added - done);
        if (missing < BACKLOG / 4) {
          await sleep(2);
          continue;
        }
        added += missing;
        await queue.addBulk(Array.from({ length: missing }, (_, n) => ({ name: 'raw', data: { n } })));
      }
    };
    await fill(performance.now() + 2_000);
    const [before, from] = [done, performance.now()];
    await fill(from + seconds * 1_000);
    return ((done - before) * 1_000) / (performance.now() - from);
  } finally {
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    await backend.onApplicationShutdown();
  }
}
