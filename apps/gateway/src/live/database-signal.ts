import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Client } from 'pg';
import type { HoustonConfig } from '@houston/common/config/config.js';

const RECONNECT_MS = 1_000;

/** @param payload null: signals may have been lost, look everywhere */
type Listener = (payload: string | null) => void;

/** Hears from Postgres on one channel, over one connection of its own, however many wait for what is told there. */
export abstract class DatabaseSignal implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(this.constructor.name);
  private readonly listeners: Listener[] = [];
  private client: Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly config: Pick<HoustonConfig, 'databaseUrl'>,
    private readonly channel: string,
  ) {}

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.connect();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    await this.client?.end();
  }

  private async connect(): Promise<void> {
    const client = new Client({
      connectionString: this.config.databaseUrl,
      application_name: this.channel,
      keepAlive: true,
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => this.tell(payload ?? null));
    this.client = client;
    try {
      await client.connect();
      await client.query(`listen ${this.channel}`);
      this.tell(null);
    } catch (error) {
      this.lost(client, error);
    }
  }

  /** Meanwhile whoever waits looks again by himself. */
  private lost(client: Client, error?: unknown): void {
    if (this.isStopped || this.client !== client) return;
    this.client = undefined;
    this.logger.warn({ msg: `lost the connection that tells of ${this.channel}`, err: error });
    client.removeAllListeners('notification');
    this.retry = setTimeout(() => void this.connect(), RECONNECT_MS);
  }

  private tell(payload: string | null): void {
    for (const listener of this.listeners) listener(payload);
  }
}
