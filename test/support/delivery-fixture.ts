import type { Payloads } from '@houston/common/queues/queues.js';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { AttemptRecorder } from '../../apps/notifier/src/deliveries/attempt-recorder.js';
import { DeliveryService } from '../../apps/notifier/src/deliveries/delivery.service.js';
import { DeliveryStore } from '../../apps/notifier/src/deliveries/delivery.store.js';
import type { WakeupAnswer } from '../../apps/notifier/src/wakeup-answer.js';
import { openTestDatabase, type TestDatabase } from './database.js';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.js';

export interface DeliveryState {
  status: string;
  attempt_count: number;
  schedule_step: number;
  due_at: Date | null;
  claimed_until: Date | null;
}

export interface AttemptState {
  number: number;
  trigger: string;
  status: number | null;
  error_class: string | null;
  response: string | null;
  response_truncated: boolean;
  duration_ms: number | null;
}

/** A notifier without its queue: a database, a receiver, and looks at what was written. */
export class DeliveryFixture {
  private constructor(
    readonly db: TestDatabase,
    public receiver: WebhookReceiver,
  ) {}

  static async open(): Promise<DeliveryFixture> {
    return new DeliveryFixture(await openTestDatabase(), await startReceiver());
  }

  async close(): Promise<void> {
    await this.receiver.close();
    await this.db.close();
  }

  /** A receiver that has seen nothing yet and accepts everything. */
  reset(): void {
    this.receiver.received.length = 0;
    this.receiver.answer = (response) => response.writeHead(204).end();
  }

  /** Answers with this status from now on. */
  refuse(status: number): void {
    this.receiver.answer = (response) => response.writeHead(status).end('no');
  }

  /** Retries are due at once; loopback may be reached. */
  notifier(config: Partial<HoustonConfig> = {}, Recorder = AttemptRecorder): DeliveryService {
    const settings = {
      webhookAllowCidrs: ['127.0.0.0/8'],
      webhookRetryScheduleMs: [0, 0, 0],
      ...config,
    } as HoustonConfig;
    const store = new DeliveryStore();
    return new DeliveryService(this.db.database, store, new Recorder(store, settings), settings);
  }

  async payload(deliveryId: string): Promise<Payloads['webhook-deliveries']> {
    const { organizationId, workspaceId } = this.db;
    const [row] = await this.query<{ endpointId: string }>(
      'select endpoint_id as "endpointId" from deliveries where id = $1',
      [deliveryId],
    );
    return { organizationId, workspaceId, deliveryId, endpointId: row?.endpointId ?? 'nowhere' };
  }

  async deliver(deliveryId: string, service = this.notifier()): Promise<WakeupAnswer> {
    return service.deliver(await this.payload(deliveryId));
  }

  query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.db.database.inWorkspace(this.db, (tx) => tx.query<Row>(sql, parameters));
  }

  async stateOf(deliveryId: string): Promise<DeliveryState> {
    const [row] = await this.query<DeliveryState>('select * from deliveries where id = $1', [deliveryId]);
    return row!;
  }

  attemptsOf(deliveryId: string): Promise<AttemptState[]> {
    return this.query('select * from delivery_attempts where delivery_id = $1 order by number', [deliveryId]);
  }

  eventsAbout(subject: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
    return this.query('select type, data from events where subject = $1 order by seq', [subject]);
  }

  deadLettersOf(deliveryId: string): Promise<{ id: string; reason: string; status: string }[]> {
    return this.query('select * from dead_letters where delivery_id = $1 order by id', [deliveryId]);
  }
}
