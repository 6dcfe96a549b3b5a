import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type Counts, Duty } from '@houston/common/duties/duty.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { PAGE_SIZE, pageOf, planDeliveries } from './delivery-plan.js';
import { DeliveryWriter } from './delivery-writer.js';
import { FanOutStore } from './fan-out.store.js';
import { WebhookRouteStore } from './webhook-route.store.js';

/** Events told to one page of endpoints together. */
const MOST_EVENTS = 100;

interface Step {
  events: number;
  wakeups: Wakeup[];
}

/**
 * Tells the many endpoints of a workspace of its events, one page in each turn: every workspace has its turn, and the
 * relay goes on beside it.
 */
@Injectable()
export class FanOutDuty extends Duty {
  readonly name = 'webhook-fan-out';
  readonly interval = { busyMs: 200, idleMs: 1_000 };
  override readonly isFrequent = true;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(QueueProducer) private readonly producer: Pick<QueueProducer, 'add'>,
    @Inject(FanOutStore) private readonly fanOuts: FanOutStore,
    @Inject(WebhookRouteStore) private readonly store: WebhookRouteStore,
    @Inject(DeliveryWriter) private readonly writer: DeliveryWriter,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const faults: unknown[] = [];
    let events = 0;
    for (const organizationId of await this.database.organizationIds()) {
      const waiting = await this.database.inOrganization(organizationId, (tx) => this.fanOuts.workspaces(tx));
      for (const workspaceId of waiting) {
        try {
          const step = await this.database.inOrganization(organizationId, (tx) => this.step(tx, workspaceId));
          events += step.events;
          await this.producer.add(step.wakeups);
        } catch (error) {
          faults.push(error);
        }
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, `The fan-out of ${faults.length} workspaces failed`);
    return { events };
  }

  /** What one page leaves goes back, to stand at the page's end. */
  private async step(tx: Tx, workspaceId: string): Promise<Step> {
    const taken = await this.fanOuts.take(tx, workspaceId, MOST_EVENTS);
    const [oldest] = taken;
    if (oldest === undefined) return { events: 0, wakeups: [] };
    const { afterEndpointId } = oldest;
    const found = await this.store.enabledEndpoints(tx, [workspaceId], afterEndpointId, PAGE_SIZE + 1);
    const page = pageOf(workspaceId, afterEndpointId, found, PAGE_SIZE);
    const events = taken.map((one) => one.event);
    return { events: taken.length, wakeups: await this.writer.write(tx, planDeliveries(page, events, PAGE_SIZE)) };
  }
}
