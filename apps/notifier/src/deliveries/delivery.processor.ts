import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import type { Job } from 'bullmq';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { obey } from '../wakeup-answer.js';
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
    await obey(await this.deliveries.deliver(job.data), job, token, this.producer);
  }
}
