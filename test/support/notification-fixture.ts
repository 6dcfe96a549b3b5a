import type { HoustonConfig } from '@houston/common/config/config.js';
import type { Payloads } from '@houston/common/queues/queues.js';
import { NotificationService } from '../../apps/notifier/src/notifications/notification.service.js';
import { NotificationStore } from '../../apps/notifier/src/notifications/notification.store.js';
import { OutcomeRecorder } from '../../apps/notifier/src/notifications/outcome-recorder.js';
import type { WakeupAnswer } from '../../apps/notifier/src/wakeup-answer.js';
import { openTestDatabase, type TestDatabase } from './database.js';
import { type MailServer, startMailServer } from './mail-server.js';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.js';

export interface NotificationState {
  status: string;
  attempt_count: number;
  last_error: string | null;
  next_attempt_at: Date | null;
  claimed_until: Date | null;
  delivered_at: Date | null;
  title: string;
  text: string;
  digest_open: boolean;
  reply_url: string | null;
}

/** A notifier without its queue: a database, a Slack, a mail server, and looks at what was written. */
export class NotificationFixture {
  private constructor(
    readonly db: TestDatabase,
    readonly slack: WebhookReceiver,
    readonly mail: MailServer,
  ) {}

  static async open(): Promise<NotificationFixture> {
    return new NotificationFixture(await openTestDatabase(), await startReceiver(), await startMailServer());
  }

  async close(): Promise<void> {
    await this.slack.close();
    await this.mail.close();
    await this.db.close();
  }

  /** Receivers that have seen nothing yet and accept everything. */
  reset(): void {
    this.slack.received.length = 0;
    this.slack.answer = (response) => response.writeHead(200).end('ok');
    this.mail.received.length = 0;
    this.mail.recipient = () => null;
    this.mail.answers = true;
  }

  /** Slack answers so from now on. */
  refuse(status: number, body: string, headers: Record<string, string> = {}): void {
    this.slack.answer = (response) => response.writeHead(status, headers).end(body);
  }

  /** Three attempts, retries due at once; loopback may be reached. */
  notifier(config: Partial<HoustonConfig> = {}, Recorder = OutcomeRecorder): NotificationService {
    const settings = {
      webhookAllowCidrs: ['127.0.0.0/8'],
      notifyRetryScheduleMs: [0, 0, 0],
      smtpUrl: this.mail.url,
      smtpFrom: 'Houston <houston@example.com>',
      ...config,
    } as HoustonConfig;
    const store = new NotificationStore();
    return new NotificationService(this.db.database, store, new Recorder(store, settings), settings);
  }

  payload(notificationId: string, endpointId = 'somewhere'): Payloads['notifications'] {
    const { organizationId, workspaceId } = this.db;
    return { organizationId, workspaceId, notificationId, endpointId };
  }

  notify(id: string, service = this.notifier()): Promise<WakeupAnswer> {
    return service.notify(this.payload(id));
  }

  query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.db.database.inWorkspace(this.db, (tx) => tx.query<Row>(sql, parameters));
  }

  async stateOf(id: string): Promise<NotificationState> {
    const [row] = await this.query<NotificationState>('select * from notifications where id = $1', [id]);
    return row!;
  }

  attemptsOf(id: string): Promise<{ number: number; status: number | null; error_class: string | null }[]> {
    return this.query('select * from notification_attempts where notification_id = $1 order by number', [id]);
  }

  eventsAbout(id: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
    return this.query('select type, data from events where subject = $1 order by seq', [`notification:${id}`]);
  }

  deadLettersOf(id: string): Promise<{ id: string; reason: string; status: string }[]> {
    return this.query('select * from dead_letters where notification_id = $1 order by id', [id]);
  }
}
