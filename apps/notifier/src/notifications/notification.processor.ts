import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import type { Job } from 'bullmq';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { obey } from '../wakeup-answer.js';
import { NotificationService } from './notification.service.js';

@Processor('notifications')
export class NotificationProcessor extends WorkerHost {
  constructor(
    @Inject(NotificationService) private readonly notifications: NotificationService,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
  ) {
    super();
  }

  async process(job: Job<Payloads['notifications']>, token?: string): Promise<void> {
    await obey(await this.notifications.notify(job.data), job, token, this.producer);
  }
}
