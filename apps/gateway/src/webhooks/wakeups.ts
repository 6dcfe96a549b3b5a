import { Inject, Injectable, Logger } from '@nestjs/common';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { deadLetterJobId } from '@houston/common/webhooks/webhook-wakeups.js';

/**
 * Tells the queues what has been committed. A queue that does not answer fails no request: what is due is in Postgres,
 * and the sweepers bring the queues into line.
 */
@Injectable()
export class Wakeups {
  private readonly log = new Logger('Wakeups');

  constructor(@Inject(QueueProducer) private readonly producer: QueueProducer) {}

  async add(wakeup: Wakeup): Promise<void> {
    await this.try(() => this.producer.add([wakeup]));
  }

  /** Takes a dead letter off the board of the queues. */
  async takeDown(deadLetterId: string): Promise<void> {
    await this.try(() => this.producer.queue('dead-letters').remove(deadLetterJobId(deadLetterId)));
  }

  private async try(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.log.warn({ msg: 'the queue was not told; a sweeper will', err: error });
    }
  }
}
