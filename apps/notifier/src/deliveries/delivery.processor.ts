import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import { DelayedError, type Job } from 'bullmq';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { DeliveryService } from './delivery.service.js';

@Processor('webhook-deliveries')
export class DeliveryProcessor extends WorkerHost {
  constructor(
    @Inject(DeliveryService) private readonly deliveries: DeliveryService,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
  ) {
    super();
  }

  async process(job: Job<Payloads['webhook-deliveries']>, token?: string): Promise<void> {
    const answer = await this.deliveries.deliver(job.data);
    if (answer.kind === 'snooze') {
      await job.moveToDelayed(Date.now() + answer.delayMs, token);
      throw new DelayedError();
    }
    await this.producer.add(answer.wakeups);
  }
}
